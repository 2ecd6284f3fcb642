"""contract.yaml and params.yaml as typed models, and what follows from them."""
