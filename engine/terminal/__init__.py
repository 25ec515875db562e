"""A person's terminal: a batch of pictures, progress, and errors in one line."""
