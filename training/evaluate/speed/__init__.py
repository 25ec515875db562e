"""Seconds and memory of what ships, beside the same networks in PyTorch."""
