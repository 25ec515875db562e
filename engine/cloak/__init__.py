"""How a photo becomes unmatched: one way in, `photo.cloak_steps`, and one way out. PyTorch."""
