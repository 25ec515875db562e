"""Whatever goes wrong, as one `EngineError` with a remedy: no traceback reaches a user.

With the environment variable JND_DEBUG set, the traceback is printed on stderr as well.
"""

from __future__ import annotations

import errno
import os
import re
import traceback

from ..errors import EngineError
from ..system.libraries import broken, one_line

DEBUG = "JND_DEBUG"
# As NumPy, PyTorch, ONNX Runtime and the C++ library put it; they share no class.
MEMORY = re.compile(
    r"out of memory|not enough memory|(can't|cannot|failed to) allocate|bad.?alloc", re.IGNORECASE
)


def engine_error(error: Exception, image: str | None = None) -> EngineError:
    """The error a user sees, for any exception. image: the picture that was worked on."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    if isinstance(error, EngineError):
        return error
    if isinstance(error, ImportError):
        return broken(error)
    message = one_line(error)
    kind = type(error).__name__
    reason = f"{kind}: {message}" if message else kind
    place = f"{image}: " if image else ""
    if out_of_memory(error):
        ways = "scale it down, or close other programs"
        if "CUDA" in message.upper() or "GPU" in message.upper():
            ways = "scale it down, or use --device cpu"
        return EngineError(f"{place}not enough memory ({reason}): {ways}")
    if isinstance(error, OSError) and error.strerror:
        at = f"{error.filename}: " if error.filename else place
        return EngineError(f"{at}{error.strerror}: check the disk and the rights")
    if type(error).__module__.startswith(("onnxruntime", "torch")) or "CUDA" in message:
        return EngineError(f"{place}the device failed ({reason}): try --device cpu")
    return EngineError(f"{place}unforeseen {reason}: please report it, with what {DEBUG}=1 prints")


def out_of_memory(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or bool(MEMORY.search(str(error)))
    )
