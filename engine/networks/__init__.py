"""What the networks compute. PyTorch."""
