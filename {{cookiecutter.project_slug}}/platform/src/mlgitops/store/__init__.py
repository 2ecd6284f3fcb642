"""Where DVC objects and MLflow's history are kept, and the branch that shares them."""
