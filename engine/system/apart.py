"""A function run in a process of its own, with bounds on its memory and its time.

For what may take without bound, or end the process that runs it: the caller is spared both. Memory
is bounded on Linux only; elsewhere the time alone is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module

from .. import errors
from ..errors import EngineError, SetupError, UsageError

ENVIRONMENT_GIB, ENVIRONMENT_SECONDS = "JND_MODEL_GIB", "JND_MODEL_SECONDS"
GIB, SECONDS = 8.0, 120.0  # by default
SHARE = 0.75  # of the machine's memory, which bounds the default
CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from engine.system.apart import serve; serve()"
)
OTHER = "give another model"
# In what libraries write when they get none.
NO_MEMORY = (
    *("bad_alloc", "bad allocation", "failed to allocate", "unable to allocate"),
    *("cannot allocate", "out of memory", "bfcarena"),
)


class ExceededError(EngineError):
    """The process took too much, or ended without a word: why, as the end of a sentence."""


def run_apart(module: str, function: str, *arguments: str | None) -> None:
    """Call a module's function with texts, in another process; its result is dropped.

    Raises the EngineError that it raises; ExceededError where it takes more than `bounds`, or ends
    in any other way; UsageError as `bounds`.
    """
    memory, seconds = bounds()
    command = [sys.executable, "-c", CODE, json.dumps(sys.path), str(memory)]
    try:
        done = subprocess.run(
            [*command, module, function, json.dumps(arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        limit = f"raise the limit ({ENVIRONMENT_SECONDS})"
        raise ExceededError(
            f"takes more than {seconds:g} s for one picture: {OTHER}, or {limit}"
        ) from None
    except OSError as error:
        raise SetupError(
            f"no process can be started to try a model in ({error.strerror}): end other programs"
        ) from None
    said = done.stdout.decode("utf-8", "replace").strip().rpartition("\n")[2]
    if done.returncode == 0 and said == "null":
        return
    try:
        name, message = json.loads(said)
        kind = getattr(errors, name)
    except (ValueError, TypeError, AttributeError):
        kind, message = None, done.stderr.decode("utf-8", "replace")
    if any(words in message.lower() for words in NO_MEMORY):
        limit = f"raise the limit ({ENVIRONMENT_GIB})"
        raise ExceededError(f"needs more than {memory / 2**30:.3g} GiB: {OTHER}, or {limit}")
    if kind is None:
        code = done.returncode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise ExceededError(f"ends the process that runs it ({how}): {OTHER}")
    raise kind(message)


def serve() -> None:
    """The other process: memory, module, function and arguments are on its command line."""
    memory, module, function, arguments = sys.argv[1:]
    limit_memory(int(memory))
    try:
        getattr(import_module(module), function)(*json.loads(arguments))
        answer = None
    except EngineError as error:
        answer = [type(error).__name__, str(error)]
    except MemoryError:
        answer = ["EngineError", "out of memory"]
    print(f"\n{json.dumps(answer)}", flush=True)
    os._exit(0)  # what a library does at its end is not waited for


def bounds() -> tuple[int, float]:
    """Bytes and seconds that such a process may take.

    JND_MODEL_GIB, by default 8, or three quarters of the machine's memory where that is less;
    JND_MODEL_SECONDS, by default 120. Raises UsageError where one is no number above 0.
    """
    gib = min(GIB, SHARE * physical_memory() / 2**30)
    return int(number(ENVIRONMENT_GIB, gib) * 2**30), number(ENVIRONMENT_SECONDS, SECONDS)


def number(variable: str, default: float) -> float:
    text = os.environ.get(variable)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise UsageError(f"{variable}={text}: give a number above 0")
    return value


def physical_memory() -> float:
    """The machine's memory in bytes; without bound where it is not known."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return float("inf")


def limit_memory(most: int) -> None:
    """Let the system refuse this process more than `most` bytes of its own.

    RLIMIT_DATA counts what may be written, not addresses that are reserved only, of which threads
    and GPU libraries take much. Outside Linux it does not count what malloc takes by mmap.
    """
    if sys.platform != "linux":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
