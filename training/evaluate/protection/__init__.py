"""How well a face is protected from a recogniser nobody has seen, and how visibly."""
