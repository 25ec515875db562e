"""The largest protection against recognisers nobody has seen, at a visibility that is chosen."""
