"""Shared by all rooms: errors, YAML documents, files, processes, and the location of the project."""
