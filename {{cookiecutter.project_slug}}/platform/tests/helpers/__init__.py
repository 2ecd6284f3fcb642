"""What the tests share: contracts and tables, models of them, strategies for requests, and git."""
