"""What the workflows do with a model: write back, comment, tag, deploy, promote. Git is the state, these change it."""
