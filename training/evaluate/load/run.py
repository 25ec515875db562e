"""The demo with many visitors at once. `python -m training evaluate load`.

A server as `python -m demo` starts it, and CLIENTS visitors for SECONDS, each with photos that no
other has. Each uploads one, joins the queue and waits for its answer: the photo with noise, which
must be, to the pixel, what the engine computes for that photo in this process (`own`). Where the
queue is full they wait a moment and try again. Before that, a visitor leaves in the middle of
the search for a cloak.

Writes results/load.json: seconds from joining the queue to the answer, what was refused, the
server's memory before and after, and what is left of its files when it has ended.
"""

from __future__ import annotations

import io
import os
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from engine.images.samples import sample_paths

from ...data.labelled import load_photos
from ...records.log import log
from ...records.record import write
from .own import HUMAN, PANEL, Answer, others
from .server import Server, serving
from .visitor import RefusedError, Visitor

CLIENTS, SECONDS = 32, 120.0
LOOK = 10.0  # seconds, of a look
SIZE = (384, 512)  # rows and columns of a photo
PAUSE = 2.0  # seconds, after a refusal; the server says 10, and these are less patient
SETTLED = 190.0  # seconds after which the server has dropped the photos that it decoded last
DEMO = ()  # further options of `python -m demo`
# Endpoints in turns, the arguments beside the photo, and which result is the photo with noise.
WORK = (("human_jnd", {"model": HUMAN}, 0), ("machine_jnd", {"panel": PANEL}, 3))


@dataclass
class Log:
    """What happened to all visitors; lists are appended to by their threads."""

    answers: list[Answer] = field(default_factory=list)
    refusals: list[bool] = field(default_factory=list)  # whether it was polite
    problems: list[str] = field(default_factory=list)


def evaluate_load(data: str, count: int | None, runs: Path, command: str) -> Path:
    """Measure, write the result.

    data: photos, of which each visitor gets some of its own. count: only so many visitors, for a
    few seconds; the result then goes to RUNS/load. Raises DataError without photos, RuntimeError
    where the demo does not start.
    """
    photos = load_photos(data, "test", "train")
    clients, seconds = count or CLIENTS, SECONDS if count is None else LOOK
    own = own_photos(list(photos.images), clients * len(WORK))
    folder = None
    if count is not None:
        folder = runs / "load"
        folder.mkdir(parents=True, exist_ok=True)
    sections = measure(own, clients, seconds, SETTLED)
    log({name: sections[name] for name in ("answers", "refused", "memory_mb", "freed_s")})
    return write(
        "load",
        command=command,
        data=f"{SIZE[1]}×{SIZE[0]} parts of {photos.source}",
        weights={},
        sections=sections,
        folder=folder,
    )


def own_photos(images: list[np.ndarray], count: int) -> list[np.ndarray]:
    """So many different pictures uint8 SIZE×3: parts of the images, some turned or mirrored."""
    made = []
    for index in range(count):
        image = np.asarray(images[index % len(images)])
        turn = index // len(images)
        part = np.asarray(Image.fromarray(image).resize(SIZE[::-1], Image.Resampling.LANCZOS))
        part = part[:, ::-1] if turn & 1 else part
        part = part[::-1] if turn & 2 else part
        made.append(np.roll(part, 64 * (turn >> 2), axis=1))
    return made


def measure(photos: list[np.ndarray], clients: int, seconds: float, settled: float) -> dict:
    """Everything but the provenance. photos: at least `len(WORK)` for each client, all different.

    settled: seconds to wait before the memory is read, at the start as at the end.
    """
    busy = os.getloadavg()[1]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with serving(folder, *DEMO) as server:
            freed = leave(server)
            warm(server, photos[0])
            time.sleep(settled)
            before, happened = server.memory_mb(), Log()
            files_before = server.files()
            begun = time.monotonic()
            visit(server, photos, clients, seconds, happened)
            server.idle(60)
            took = time.monotonic() - begun
            at_once, files = server.memory_mb(), server.files()
            time.sleep(settled)
            memory = {
                **{"before": round(before), "at_the_end": round(at_once)},
                **{"settled": round(server.memory_mb()), "peak": round(server.memory_mb("VmHWM"))},
            }
        left = sum(each.is_file() for each in folder.rglob("*"))
    return {
        **{"clients": clients, "seconds": seconds, "took_s": round(took, 1)},
        "load_average": round(busy, 1),  # of five minutes, before: what else the machine does
        **summary(happened, photos),
        **{"memory_mb": memory, "memory_ratio": round(memory["settled"] / memory["before"], 3)},
        "freed_s": round(freed, 2),
        "files": {"before": files_before, "under_load": files, "after_the_server": left},
    }


def leave(server: Server) -> float:
    """A visitor leaves in the middle of a search; seconds until the server is free again."""
    path = next(each for each in sample_paths() if each.stem == "astronaut")
    visitor = Visitor(server.port)
    photo = visitor.upload("a.png", path.read_bytes())
    events = visitor.events("cloak_face", visitor.join("cloak_face", photo=photo, seconds=60))
    for kind, _ in events:
        if kind == "generating":
            break
    events.close()
    return server.idle(60)


def warm(server: Server, photo: np.ndarray) -> None:
    """Let the server load what the work needs."""
    happened, visitor = Log(), Visitor(server.port)
    for turn in range(2 * len(WORK)):
        one(visitor, photo, 0, turn, happened)
    if happened.problems or any(isinstance(each.data, str) for each in happened.answers):
        raise RuntimeError(f"the demo does not answer: {happened}")


def visit(
    server: Server, photos: list[np.ndarray], clients: int, seconds: float, happened: Log
) -> None:
    """All visitors at once; no one begins anything after `seconds`, and all get their answers."""
    until = time.monotonic() + seconds

    def client(number: int) -> None:
        try:
            visitor, turn = Visitor(server.port), number
            while time.monotonic() < until:
                index = number * len(WORK) + turn % len(WORK)
                if one(visitor, photos[index], index, turn, happened):
                    turn += 1
                else:
                    time.sleep(PAUSE)
        except Exception as error:  # a thread's own end: it counts as a problem
            happened.problems.append(f"{type(error).__name__}: {error}"[:200])

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def one(visitor: Visitor, photo: np.ndarray, index: int, turn: int, happened: Log) -> bool:
    """One photo sent and its answer fetched; False where the queue is full."""
    endpoint, further, result = WORK[turn % len(WORK)]
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, "PNG", compress_level=1)
    upload = visitor.upload("photo.png", stream.getvalue())
    begun = time.monotonic()
    try:
        event = visitor.join(endpoint, picture=upload, **further)
    except RefusedError as refused:
        happened.refusals.append(refused.polite)
        return False
    kind, data = "", None
    for kind, data in visitor.events(endpoint, event):  # noqa: B007  the last counts
        pass
    seconds = time.monotonic() - begun
    got = visitor.fetch(data[result]) if kind == "complete" else f"{kind}: {data}"[:200]
    happened.answers.append(Answer(endpoint, index, seconds, got))
    return True


def summary(happened: Log, photos: list[np.ndarray]) -> dict:
    """What became of all requests."""
    good = [each for each in happened.answers if isinstance(each.data, bytes)]
    strange = others(good, photos)
    failed = [each.data for each in happened.answers if isinstance(each.data, str)]
    latency = {
        name: percentiles([each.seconds for each in good if each.endpoint == name])
        for name, *_ in WORK
    }
    return {
        "answers": len(good),
        "own": len(good) - len(strange),
        "not_own": strange,
        "failed": dict(Counter(failed)),
        "problems": dict(Counter(happened.problems)),
        "refused": len(happened.refusals),
        "refused_politely": sum(happened.refusals),
        "latency_s": {"all": percentiles([each.seconds for each in good])} | latency,
    }


def percentiles(seconds: list[float]) -> dict:
    if not seconds:
        return {"n": 0}
    p50, p95 = np.percentile(seconds, (50, 95))
    return {"n": len(seconds), "p50": round(float(p50), 2), "p95": round(float(p95), 2)}
