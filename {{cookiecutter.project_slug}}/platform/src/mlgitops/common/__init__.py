"""Shared by all rooms: errors, YAML documents, records, pages, files, processes, and the location of the project."""
