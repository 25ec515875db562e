"""A cloak in one pass of a small network, and a few steps more where it needs them."""
