"""Units given to Ray, and what becomes of them: outcomes in order, each recorded in a manifest."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ...system.files import unwritable
from ...system.libraries import one_line
from ..manifest import ENDING, Manifest, opened
from ..outcomes import refused
from ..pool import Relay
from ..work import Outcome, Report, Task
from .actor import Actor, Done
from .addresses import FAILURES, address_of, file_system, is_address
from .ray_cluster import connected, mapped
from .results import Place
from .units import Plan, Unit

UPLOADED = 120  # seconds after which the manifest of results elsewhere is brought there again


def on_a_cluster(
    plan: Plan, task: Task, command: str, key: str, options: object
) -> Iterator[Outcome]:
    """Do the task with each picture of a plan, as `outcomes.one_by_one` does, on a Ray.

    command, key: of the manifest. options: with the fields of `PictureOptions`. Raises SetupError
    where there is no Ray or it gives up, and what no picture is to blame for, as `one_by_one`.
    """
    relay = Relay()
    with kept(options.out, command, key, parquet=options.parquet) as (manifest, place, upload):
        rows = [{"unit": with_known(unit, manifest)} for unit in plan.units]
        arguments = (task, place, options.out, os.getcwd())
        cuda = options.device == "cuda"
        uploaded = time.monotonic()
        with connected(options.ray, options.workers):
            for row in mapped(rows, Actor, arguments, options.workers, cuda=cuda):
                for done in row["done"]:
                    relay(done.answer.said)
                    yield settled(done, manifest)
                if time.monotonic() - uploaded > UPLOADED:
                    upload()
                    uploaded = time.monotonic()


def with_known(unit: Unit, manifest: Manifest) -> Unit:
    """The unit with what the manifest has of its pictures."""
    records = ((stem, manifest.record(stem)) for stem in unit.stems())
    return replace(unit, known={stem: (r["content"], r["files"]) for stem, r in records if r})


def settled(done: Done, manifest: Manifest) -> Outcome:
    """The outcome of a picture, recorded. Raises the error where that is fatal."""
    source, answer = done.source, done.answer
    if answer.fatal:
        raise answer.error
    if answer.error is not None:
        return refused(source, answer.error, manifest)
    report = answer.report
    if done.before:
        record = manifest.record(source.stem)
        text = f"{source.image}\n  done in an earlier run, not again\n"
        report = Report(manifest.reported(record, source), text, record["success"])
    if done.digests is not None:
        manifest.add_written(source, report.data, report.success, done.digests)
    return Outcome(source.image, report, None, before=done.before)


@contextmanager
def kept(out: Path, command: str, key: str, *, parquet: bool):
    """The manifest of a folder of results, the place of results, what brings the one to the other.

    At an address it is a copy on this machine, which is brought there at the end too. Raises
    OutputError.
    """
    address = address_of(out)
    if not is_address(address):
        with opened(out, command, key) as manifest:
            manifest.out = "" if parquet else str(out)
            temporary = manifest.temporary.absolute()
            yield manifest, Place(os.path.abspath(out), manifest.out, temporary, parquet), int
        return
    system, folder = file_system(address)
    there = f"{folder.rstrip('/')}/{command}{ENDING}"
    with tempfile.TemporaryDirectory() as here:
        copy = Path(here, f"{command}{ENDING}")
        try:
            if system.exists(there):
                system.get_file(there, str(copy))
        except FAILURES as error:
            raise unwritable(address, one_line(error)) from None

        def upload() -> None:
            try:
                system.makedirs(folder, exist_ok=True)
                system.put_file(str(copy), there)
            except FAILURES as error:
                raise unwritable(address, one_line(error), getattr(error, "errno", None)) from None

        with opened(Path(here), command, key) as manifest:
            manifest.out = "" if parquet else address
            try:
                yield manifest, Place(address, manifest.out, None, parquet), upload
            finally:
                upload()
