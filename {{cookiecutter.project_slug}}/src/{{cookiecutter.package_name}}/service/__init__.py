"""Answers requests with the exported model; `scoring` alone knows BentoML, and all of it is in the scoring image."""
