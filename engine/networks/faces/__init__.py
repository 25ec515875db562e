"""Recognisers of faces beside the one that the cloak is made against."""
