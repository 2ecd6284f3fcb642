"""Storage of DVC objects and of MLflow's history, and the branch `store` that shares them."""
