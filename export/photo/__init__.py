"""The panel of photo classifiers and their generator as ONNX, from published and own weights."""
