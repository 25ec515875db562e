"""JPEG coefficient by coefficient: a model of decoding, its adjoint, files, and a search."""
