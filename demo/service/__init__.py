"""The same server for machines: whether it is well, and when to come back."""
