"""Pictures one after another, or side by side: what is known is not done again, the rest is.

What goes wrong with a picture becomes part of the stream of outcomes, and the manifest, where there
is one, has every picture as soon as its files are complete.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import EngineError
from ..system.files import write_files
from ..terminal.inputs import read_bytes
from .collection import Item
from .manifest import Manifest, Source
from .pool import Answer, Job, Pool, Relay
from .work import Outcome, Report, Task, recorded


class Saved:
    """Writes files, all or none, and remembers them. temporary: as of `write_files`."""

    def __init__(self, temporary: Path | None):
        self.temporary = temporary
        self.files: dict[Path, bytes] = {}

    def __call__(self, files: dict[Path, bytes]) -> None:
        write_files(files, self.temporary)
        self.files |= files


def one_by_one(
    items: Iterable[Item], task: Task, manifest: Manifest | None = None
) -> Iterator[Outcome]:
    """Do the task with each picture, one after another; what goes wrong becomes part of the stream.

    What the task's `prepare` raises after a picture was read ends the batch, as do SetupError and
    StorageError from anywhere: they are no picture's fault.
    """
    work = None
    for item in items:
        source = Source(item.image, item.stem, "")
        try:
            source, data = read(item)
            done = before(source, manifest)
            picture = task.opened(data, item.image) if done is None else None
        except Exception as error:
            done = refused(source, recorded(error, item.image), manifest)
        if done is not None:
            yield done
            continue
        work = work or task.prepare()
        saved = Saved(manifest and manifest.temporary)
        try:
            report = work(picture, item.image, item.stem, saved)
        except Exception as error:
            yield refused(source, recorded(error, item.image), manifest)
            continue
        yield finished(source, report, saved.files, manifest)


def side_by_side(
    items: Iterable[Item], task: Task, manifest: Manifest | None, workers: int
) -> Iterator[Outcome]:
    """As `one_by_one`, on so many processes, with the same outcomes in the same order."""
    sources: dict[int, Source] = {}
    waiting: dict[int, Outcome] = {}  # for those before them
    relay = Relay()

    def jobs() -> Iterator[tuple[int, Job | None]]:
        for number, item in enumerate(items):
            source = Source(item.image, item.stem, "")
            try:
                source, data = read(item)
                done = before(source, manifest)
            except Exception as error:
                done = refused(source, recorded(error, item.image), manifest)
            if done is not None:
                waiting[number] = done
                yield number, None
            else:
                sources[number] = source
                yield number, Job(data, item.image, item.stem)

    following = 0
    with Pool(task, workers) as pool:
        for number, answer in pool.answers(jobs()):
            if answer is not None:
                relay(answer.said)
                waiting[number] = settled(sources.pop(number), answer, manifest)
            while following in waiting:
                yield waiting.pop(following)
                following += 1


def settled(source: Source, answer: Answer, manifest: Manifest | None) -> Outcome:
    """The outcome of what another process has answered, its files written."""
    if answer.error is not None:
        return refused(source, answer.error, manifest)
    try:
        Saved(manifest and manifest.temporary)(answer.files)
    except Exception as error:
        return refused(source, recorded(error, source.image), manifest)
    return finished(source, answer.report, answer.files, manifest)


def read(item: Item) -> tuple[Source, bytes]:
    """The bytes of a picture's file. Raises ImageError."""
    if item.error is not None:
        raise item.error
    data = read_bytes(item.image)
    return Source(item.image, item.stem, hashlib.sha256(data).hexdigest()), data


def before(source: Source, manifest: Manifest | None) -> Outcome | None:
    """The outcome of an earlier run that still holds, or None."""
    known = None if manifest is None else manifest.report(source)
    if known is None:
        return None
    data, success = known
    text = f"{source.image}\n  done in an earlier run, not again\n"
    return Outcome(source.image, Report(data, text, success), None, before=True)


def refused(source: Source, error: EngineError, manifest: Manifest | None) -> Outcome:
    """The outcome of a picture that is refused, recorded."""
    if manifest is not None:
        manifest.refuse(source, str(error))
    return Outcome(source.image, None, error)


def finished(
    source: Source, report: Report, files: dict[Path, bytes], manifest: Manifest | None
) -> Outcome:
    """The outcome of a picture that is done, its files being written, recorded."""
    if manifest is not None:
        manifest.add(source, report.data, report.success, files)
    return Outcome(source.image, report, None)
