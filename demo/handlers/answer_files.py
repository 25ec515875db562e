"""A viewer's answers as a CSV file, and such files read again."""

from __future__ import annotations

import csv
import io

from engine.errors import UsageError

from .viewer_statistics import SCALE, Answer

COLUMNS = ("viewer", "trial", "picture", "left", "right", "score", "seconds")
LONGEST = 80  # characters of a name


def to_csv(answers: list[Answer], seconds: list[float]) -> bytes:
    """One row per answer, in the order given; seconds: how long each took."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for trial, (answer, took) in enumerate(zip(answers, seconds, strict=True), 1):
        names = (answer.picture, answer.left, answer.right)
        writer.writerow((answer.viewer, trial, *names, answer.score, f"{took:.1f}"))
    return stream.getvalue().encode()


def from_csv(data: bytes, name: str) -> list[Answer]:
    """The answers in a file of `to_csv`. Raises UsageError: what is wrong, where, the remedy."""
    remedy = "give a file that this viewing test has written"
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error):
        raise UsageError(f"{name} is no CSV file: {remedy}") from None
    if not rows or not set(COLUMNS) <= set(rows[0]):
        raise UsageError(f"{name} has no columns {', '.join(COLUMNS)}: {remedy}")
    answers = []
    for line, row in enumerate(rows, 2):
        names = [row[column] or "" for column in ("viewer", "picture", "left", "right")]
        score = row["score"] or ""
        if not all(0 < len(value) <= LONGEST for value in names):
            raise UsageError(f"{name}, line {line}: a name is missing or too long: {remedy}")
        if score not in {str(value) for value in SCALE}:
            raise UsageError(f"{name}, line {line}: score {score[:20]!r} is not one of -3…3")
        viewer, picture, left, right = names
        answers.append(Answer(viewer, picture, left, right, int(score)))
    return answers
