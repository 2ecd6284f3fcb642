"""What every part shares: errors, YAML documents, files, processes, and where the project is."""
