"""What every part shares: errors, YAML documents, records, pages, files, processes, and where the project is."""
