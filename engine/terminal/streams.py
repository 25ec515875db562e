"""What every command has in common: any name can be printed on any terminal; helps look alike."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import textwrap


def ready() -> None:
    """Let stdout and stderr write what their encoding lacks as escapes, and keep quiet.

    Quiet: PyTorch reports a CUDA folder without a driver; we say ourselves where we compute.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)


def json_line(value: object) -> str:
    """JSON on one line, valid in whatever stdout is encoded in.

    As escapes of Python, what an encoding lacks would be no JSON.
    """
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("_", "-")
    return json.dumps(value, ensure_ascii=encoding not in ("utf-8", "utf8"))


Manual = argparse.RawDescriptionHelpFormatter  # a description that is laid out already


class Help(Manual):
    """Descriptions filled as usual, the examples at the end as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(EXAMPLES):
            return super()._fill_text(text, width, indent)
        return textwrap.fill(" ".join(text.split()), width, initial_indent=indent)


EXAMPLES = "examples:"


def examples(program: str, *lines: str) -> str:
    """The end of a help: commands to copy."""
    return "\n".join([EXAMPLES, *(f"  {program} {line}".replace("%", "%%") for line in lines)])
