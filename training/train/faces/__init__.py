"""Trains the network that changes a face in one pass."""
