"""The search for settings of the model: `make tune`, which proposes the winner as a commit."""
