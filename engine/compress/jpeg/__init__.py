"""JPEG coefficient by coefficient: a model of decoding, its adjoint, and files."""
