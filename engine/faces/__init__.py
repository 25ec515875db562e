"""Where a face is, how it is aligned, described and matched. No PyTorch."""
