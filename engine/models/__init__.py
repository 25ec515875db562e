"""Which model files exist, where they are, and how they are run. No PyTorch."""
