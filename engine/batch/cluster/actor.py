"""What does units on some machine: a process of Ray's, with another one that has the models.

A picture that ends a process ends the second one, which another takes the place of: it costs
itself. Where the first one ends, or its machine, Ray starts it anew and gives it the unit again.
"""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...errors import EngineError
from ..manifest import Source, relocated
from ..pool import Answer, Job, Pool
from ..work import Report, Task, recorded
from .results import Place, below
from .units import Unit, pictures


@dataclass
class Done:
    """What became of a picture of a unit, for the process that keeps the manifest.

    before: it was done in an earlier run. digests: sha256 of each file of results that was written
    in this one, by its name below the folder of results.
    """

    source: Source
    answer: Answer = field(default_factory=Answer)
    before: bool = False
    digests: dict[str, str] | None = None


class Actor:
    """Does units, one after another, as Ray Data's `map_batches` gives them.

    folder: the working folder of the command, for paths that begin there; out: the folder of
    results as the task has it.
    """

    def __init__(self, task: Task, place: Place, out: Path, folder: str):
        with suppress(OSError):  # it is not on this machine: paths from the root may be
            os.chdir(folder)
        vars(sys.modules["__main__"]).pop("__file__", None)  # Ray's: no other process needs it
        self.place, self.out = place, out
        self.pool = Pool(task, 1)

    def __call__(self, batch: dict) -> dict:
        """A column "unit" -> a column "done", lists of `Done`."""
        return {"done": [self.done(unit) for unit in batch["unit"]]}

    def done(self, unit: Unit) -> list[Done]:
        """What became of each picture of a unit, in order; the last may be fatal."""
        results = self.place.for_unit(unit)
        all_done: list[Done] = []
        for item, data in pictures(unit):
            done = Done(Source(item.image, item.stem, ""))
            all_done.append(done)
            if isinstance(data, EngineError):
                done.answer.error = data
                results.add(done.source, done.answer, {})
                continue
            done.source = replace(done.source, content=hashlib.sha256(data).hexdigest())
            if results.has(done.source):
                done.before = True
                continue
            answer = self.answer(Job(data, item.image, item.stem))
            done.answer, files = self.placed(answer)
            if not done.answer.fatal:
                finish(
                    done,
                    lambda each=done, files=files: results.add(each.source, each.answer, files),
                )
            if done.answer.fatal:
                return all_done
        finish(all_done[-1], results.close)
        for done in all_done:
            done.digests = results.digests.get(done.source.stem)
        return all_done

    def answer(self, job: Job) -> Answer:
        """The answer of the other process; where that has ended, of one more."""
        for _ in range(2):
            try:
                ((_, answer),) = self.pool.answers(iter([(0, job)]))
            except EngineError as error:
                return Answer(error=error, fatal=True)
            if not answer.dead:
                break
        return answer

    def placed(self, answer: Answer) -> tuple[Answer, dict[str, bytes]]:
        """The answer without its files, the report naming them where they will be; the files."""
        files = below(answer.files, self.out)
        if answer.report is None:
            return replace(answer, files={}), files
        places = {str(self.out / name): os.path.join(self.place.base, name) for name in files}
        text = answer.report.text
        for old, new in places.items():
            text = text.replace(old, new)
        report = Report(relocated(answer.report.data, places), text, answer.report.success)
        return replace(answer, report=report, files={}), files


def finish(done: Done, write) -> None:
    """Write results; what goes wrong is the picture's error, or fatal."""
    try:
        write()
    except Exception as error:
        said = done.answer.said
        try:
            done.answer = Answer(error=recorded(error, done.source.image), said=said)
        except EngineError as known:
            done.answer = Answer(error=known, fatal=True, said=said)
