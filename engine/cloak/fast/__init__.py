"""What a cloak in one pass of a small network begins with; the network is being trained."""
