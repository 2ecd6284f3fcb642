"""contract.yaml and params.yaml as typed models, and everything that is derived from them."""
