"""Train, evaluate and export the model; score rows with the exported one."""
