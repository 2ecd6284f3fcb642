"""The scoring image: Bento, container, bill of materials."""
