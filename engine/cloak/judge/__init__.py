"""The verdict on a cloaked file: what is made of it, what is found in it, what it survives."""
