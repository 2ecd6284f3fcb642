"""The scoring service, its client, and the smoke test."""
