"""The commands of `python -m engine`, one module each; every one imports only what it needs."""
