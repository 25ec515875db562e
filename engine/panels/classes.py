"""Names of classes: from a file, or ImageNet's where a model has as many classes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError

MAX_BYTES = 16 << 20  # of a file of names: ImageNet-21k's with all synonyms has two million
BACKGROUND = "background"  # class 0 of networks with 1,001 classes, from TensorFlow


def class_names(
    title: str, count: int, labels: Path | None, imagenet: Sequence[str]
) -> tuple[str, ...]:
    """The names of a model's classes, all different.

    title: of the model, for messages; count: how many classes it has; labels: a file with one name
    a line, or a JSON list; without one ImageNet's names for 1,000 classes, those with a background
    for 1,001, else "class 0" and so on. imagenet: the 1,000. Raises UsageError.
    """
    if labels is None:
        if count == len(imagenet):
            return tuple(imagenet)
        if count == len(imagenet) + 1:
            return (BACKGROUND, *imagenet)
        return tuple(f"class {index}" for index in range(count))
    names = read_names(labels)
    if len(names) != count:
        raise UsageError(
            f"{labels} has {len(names):,} names, but {title} has {count:,} classes: give as many "
            "names, in the order of its outputs"
        )
    return distinct(names)


def read_names(path: Path) -> list[str]:
    """The names in a file, one a line or a JSON list. Raises UsageError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} has more than {MAX_BYTES >> 20} MB: give a file of names")
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text in UTF-8: give one name a line") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): check its rights") from None
    if text.lstrip().startswith("["):
        try:
            names = json.loads(text)
        except (ValueError, RecursionError):
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UsageError(f"{path} is no JSON list of names: give one, or one name a line")
    else:
        names = text.rstrip().splitlines()
    return [printable(name) for name in names]


def printable(name: str) -> str:
    """On one line, without characters that steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The names, with the class's number where there is none or several classes share one."""
    count = Counter(names)
    return tuple(
        f"{name or 'class'} {index}" if count[name] > 1 or not name else name
        for index, name in enumerate(names)
    )
