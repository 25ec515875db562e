"""Text out: any name can be printed on any terminal, and JSON stays JSON."""

from __future__ import annotations

import json
import logging
import sys


def set_up_streams() -> None:
    """Let stdout and stderr write what their encoding lacks as escapes, and keep quiet.

    Quiet: PyTorch logs a CUDA folder without a driver; commands print themselves where they run.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)


def json_line(value: object) -> str:
    """JSON on one line, valid in whatever stdout is encoded in.

    What the encoding lacks becomes an escape of JSON; those that Python writes are not JSON.
    """
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("_", "-")
    return json.dumps(value, ensure_ascii=encoding not in ("utf-8", "utf8"))
