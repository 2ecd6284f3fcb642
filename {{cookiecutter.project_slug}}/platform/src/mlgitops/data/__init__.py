"""From the source to typed rows: read, ingest, cast, validate, split, encode."""
