"""From anything that runs or was recorded to the version, commit and data that made it, and back."""
