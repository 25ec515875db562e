"""PyTorch to checked ONNX files. `python -m export --help`."""
