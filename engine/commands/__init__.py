"""The commands of `python -m engine`, one module each; every one imports only what it needs.

To add one: a row of COMMANDS in `cli.py`, its dataclass in `options.py`, and a file of its name
here with `run(images: list[str], options) -> int`, the exit code. A command with parts, as
`watermark embed`, has one file for all of them and a row of GROUPS.
"""
