"""Networks for photographs: a panel of EfficientNet-Lites and their generator. PyTorch."""
