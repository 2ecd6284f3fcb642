"""The scoring image: Bento, container, software bill of materials (SBOM)."""
