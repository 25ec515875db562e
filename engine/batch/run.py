"""A batch from beginning to end: reports on stdout, errors on stderr, results written whole.

Where a folder or a list was named, a manifest among the results says what is done, and a run that
was ended at any moment goes on from there. A bad picture is recorded, the rest goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from ..errors import UsageError
from ..system.files import check_folder
from ..terminal.streams import json_line
from .collection import collect
from .key import key_of
from .manifest import opened
from .outcomes import one_by_one, side_by_side
from .pool import check_workers
from .work import Outcome, Task


@dataclass
class Summary:
    """What became of a batch. failed: reports of the pictures for which it was in vain."""

    total: int = 0
    refused: int = 0
    before: int = 0
    failed: list[dict] = field(default_factory=list)

    @property
    def code(self) -> int:
        """The exit code: 1 where a picture was refused, else 0."""
        return 1 if self.refused else 0


def run(operands: list[str], task: Task, command: str, options: object) -> Summary:
    """Do the task with every picture, and print each report; a bad picture is recorded.

    operands: files, folders, lists or "-". command: names the manifest. options: the command's
    dataclass: `json` for reports as JSON; `out`, if it has one, for the folder of results, refused
    before any work where it cannot be written; `workers`, processes, or None for this one; `ray`,
    the address of a Ray, or None, and `parquet`, its results as parquet. Raises what `task.prepare`
    raises, and OutputError, UsageError, SetupError, which end the batch.
    """
    out: Path | None = getattr(options, "out", None)
    workers: int | None = getattr(options, "workers", None)
    if workers is not None:
        check_workers(workers)
    if getattr(options, "ray", None) is not None:
        return run_on_a_cluster(operands, task, command, options)
    if getattr(options, "parquet", False):
        raise UsageError("--parquet is about the results of --ray: give both")
    if out is not None:
        check_folder(out)
    collection = collect(operands, out)
    with ExitStack() as stack:
        manifest = None
        if collection.several and out is not None:
            manifest = stack.enter_context(opened(out, command, key_of(options)))
        done = (
            one_by_one(collection.items, task, manifest)
            if workers is None
            else side_by_side(collection.items, task, manifest, workers)
        )
        return shown(done, len(collection.items), collection.notes, as_json=options.json)


def run_on_a_cluster(operands: list[str], task: Task, command: str, options: object) -> Summary:
    """`run` with `--ray`."""
    from .cluster.addresses import address_of, is_address
    from .cluster.outcomes import on_a_cluster
    from .cluster.ray_cluster import check_address
    from .cluster.units import plan

    check_address(options.ray)
    on_disk = not is_address(address_of(options.out))
    if on_disk:
        check_folder(options.out)
    planned = plan(operands, options.out if on_disk else None)
    done = on_a_cluster(planned, task, command, key_of(options), options)
    with closing(done):  # an interrupt too ends what Ray has begun
        return shown(done, planned.total, planned.notes, as_json=options.json)


def shown(done: Iterable[Outcome], total: int, notes: Iterable[str], *, as_json: bool) -> Summary:
    """Print notes, and each outcome as it comes, of so many; what became of them all."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    summary = Summary(total=total)
    for outcome in drawn(done, total):
        show(outcome, summary, as_json=as_json)
    conclude(summary)
    return summary


def drawn(done: Iterable[Outcome], total: int) -> Iterator[Outcome]:
    """The outcomes with a bar of pictures, where there are several and stderr is a terminal."""
    disable = True if total < 2 else None
    with tqdm(total=total, unit=" pictures", disable=disable, file=sys.stderr) as bar:
        for outcome in done:
            yield outcome
            bar.update()


def show(outcome: Outcome, summary: Summary, *, as_json: bool) -> None:
    """Print one outcome and count it."""
    if outcome.error is not None:
        summary.refused += 1
        line(f"error: {outcome.error}", sys.stderr)
        if as_json:
            line(json_line({"image": outcome.image, "error": str(outcome.error)}), sys.stdout)
        return
    report = outcome.report
    summary.before += outcome.before
    if not report.success:
        summary.failed.append(report.data)
    line(json_line(report.data) if as_json else report.text, sys.stdout)


def line(text: str, stream) -> None:
    """Print a line, above a bar that is drawn."""
    tqdm.write(text, file=stream)
    stream.flush()


def conclude(summary: Summary) -> None:
    if summary.before:
        print(f"{summary.before} of {summary.total} pictures were done before", file=sys.stderr)
    if summary.refused:
        print(f"{summary.refused} of {summary.total} pictures refused", file=sys.stderr)
