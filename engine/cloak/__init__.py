"""How a photo becomes unmatched: one way in, `photo.protect`, and one way out. PyTorch."""
