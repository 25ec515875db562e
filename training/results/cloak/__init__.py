"""Tables of the cloak and of the attacks on classifiers."""
