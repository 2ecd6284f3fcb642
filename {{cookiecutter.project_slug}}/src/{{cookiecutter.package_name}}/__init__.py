"""What is yours: where the data comes from (dataset), the features, and the model."""
