"""Opens hostile pictures in a limited process: each must give a picture or one error line.

    python tests/fuzz.py --count 100000 --seed 7

In more than 10 s of the processor, or with more than 1 GB, in a crash, with several lines or any
other exception, a picture is a fault; its number, with the seed, makes it again. The process that
opens them goes on until one of them ends it, and another takes its place.
"""

from __future__ import annotations

import argparse
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import absurd_pictures
import hostile_pictures

ROOT = Path(__file__).parents[1]
MUTANT, ABSURD = "mutant", "absurd"
SECONDS = 10  # of the processor, for one picture
KILLED = 60  # seconds without a word after which the process is killed: others may be running too
KILOBYTES = 1_000_000  # of memory, beyond what an idle process has
BEGUN, WRONG, ENDED = "begun", "wrong", "ended"


@dataclass(frozen=True)
class Fault:
    """A picture that gave neither a picture nor one line."""

    number: int
    what: str


def faults(kind: str, seed: int, start: int, count: int) -> Iterator[Fault]:
    """Open the pictures start… of a kind; what is wrong with each, if anything is."""
    number, end = start, start + count
    while number < end:
        number = yield from one_process(kind, seed, number, end)


def one_process(kind: str, seed: int, start: int, end: int) -> Iterator[Fault]:
    """As `faults`, in one process, until it ends; returns the number of the next picture."""
    command = [sys.executable, __file__, "--child", kind, str(seed), str(start), str(end)]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        errors="backslashreplace",
    )
    number, begun, ended, other = start, False, False, []
    try:
        for line in lines(process):
            word, _, rest = line.partition(" ")
            if word == BEGUN:
                number, begun = int(rest), True
            elif word == WRONG:
                yield Fault(number, rest)
            elif word == ENDED:
                ended = True
            elif begun:
                yield Fault(number, f"printed: {line}")
            else:
                other.append(line)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    if not begun:
        raise RuntimeError("\n".join(other))
    if ended:
        return end
    yield Fault(number, f"the process ended, with code {process.returncode}")
    return number + 1


def lines(process: subprocess.Popen) -> Iterator[str]:
    """The lines that a process prints, until it ends or is silent for too long."""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        rest = b""
        while selector.select(KILLED):
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                process.wait()
                return
            *whole, rest = (rest + data).split(b"\n")
            yield from (line.decode(errors="backslashreplace") for line in whole)


# --- in the limited process ---


def child(kind: str, seed: int, start: int, end: int) -> None:
    """Open pictures, and print what is wrong."""
    make = makers()[kind]
    for data in hostile_pictures.corpus().values():  # whatever is loaded or cached once
        open_one(data)
    idle = memory()
    limit(idle + 3 * KILOBYTES)
    for number in range(start, end):
        name, data = make(seed, number)
        print(BEGUN, number, flush=True)
        forget_peak()
        begun = time.process_time()
        wrong = open_one(data)
        taken = time.process_time() - begun
        if taken > SECONDS:
            wrong = f"{wrong or ''} took {taken:.1f} s"
        if memory() - idle > KILOBYTES:
            wrong = f"{wrong or ''} took {memory() - idle:,} kB"
        if wrong:
            print(WRONG, f"{name}: {' '.join(wrong.split())}", flush=True)
    print(ENDED, flush=True)


def makers() -> dict[str, Callable[[int, int], tuple[str, bytes]]]:
    """Kinds of pictures: functions of a seed and a number, which give a name and a file."""
    return {MUTANT: hostile_pictures.mutant, ABSURD: absurd_pictures.absurd}


def open_one(data: bytes) -> str | None:
    """What is wrong with the way in which a picture is opened, or None."""
    import numpy as np

    from engine.compress.original import from_file
    from engine.errors import ImageError

    try:
        picture = from_file(data, "NAME")
    except ImageError as error:
        text = str(error)
        if len(text.splitlines()) != 1 or not text.isprintable() or len(text) > 500:
            return f"no line of an error: {text!r}"
        return None if text.startswith("NAME ") else f"an error without the name: {text!r}"
    except BaseException as error:
        return f"raised {type(error).__name__}: {error}"
    pixels = picture.pixels
    whole = pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    if not whole or not pixels.size:
        return f"gave {pixels.dtype} {pixels.shape}"
    wrong = [note for note in picture.notes if not note.isprintable() or len(note) > 200]
    return f"gave the notes {wrong!r}" if wrong else None


def memory() -> int:
    """The most that this process has had since `forget_peak`, in kB; 0 where Linux is not."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def limit(kilobytes: int) -> None:
    """Let the system refuse what is far too much, and spare the machine."""
    try:
        import resource
    except ImportError:
        return
    taken = next(
        (
            int(line.split()[1])
            for line in Path("/proc/self/status").read_text().splitlines()
            if line.startswith("VmSize")
        ),
        0,
    )
    if taken:
        resource.setrlimit(resource.RLIMIT_AS, (1024 * (taken + kilobytes),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=20_000, help="of pictures")
    parser.add_argument("--seed", type=int, default=0, help="of the changes")
    parser.add_argument("--start", type=int, default=0, help="number of the first picture")
    options = parser.parse_args(arguments)
    found = 0
    for fault in faults(MUTANT, options.seed, options.start, options.count):
        found += 1
        print(f"--seed {options.seed} --start {fault.number} --count 1: {fault.what}", flush=True)
    print(f"{options.count:,} pictures, {found} faults")
    return 1 if found else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        sys.exit(main())
