"""What `--panel` names: embedded panels, ONNX files, networks of torchvision and timm.

    photos                          an embedded panel, a row of `engine.models.registry.PANELS`
    model.onnx                      a file
    torchvision:alexnet,vgg16       networks of torchvision.models, with its own weights
    timm:NAME=weights.safetensors   a network of timm, with weights from a file

Several are joined by commas, or given one by one; after a prefix it holds for the names that
follow. Nothing is loaded here; files that are named are there.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..arguments import check_choice
from ..errors import UsageError, WeightsError
from ..models import registry

BASIS = "photos"  # the embedded panel whose generator makes E where a model has none
LIBRARIES = ("torchvision", "timm")
ONNX = ".onnx"
# What a value of 0…255 becomes for an ONNX file, by name: `engine.panels.onnx_file.SCALES`.
INPUT_RANGES = ("unit", "signed", "bytes", "imagenet")
Given = str | os.PathLike
Several = Given | Sequence[Given]


@dataclass(frozen=True)
class Entry:
    """One name of a panel.

    kind: "embedded", "onnx" or one of LIBRARIES; name: of the panel, the file or the network; file:
    of the network, None for an embedded panel and for the library's own weights; labels: file of
    class names or None; input_range: one of INPUT_RANGES, or None: as the file's type of input
    suggests; stamps: when the files were written, in ns, and their bytes, so that entries of
    changed files differ.
    """

    kind: str
    name: str
    file: Path | None = None
    labels: Path | None = None
    input_range: str | None = None
    stamps: tuple[tuple[int, int], ...] = ()

    @property
    def title(self) -> str:
        """As a report names it."""
        return f"{self.kind}:{self.name}" if self.kind in LIBRARIES else self.name


@dataclass(frozen=True)
class PanelSpec:
    """A panel with classifiers from outside, or several embedded ones: its entries, in order."""

    entries: tuple[Entry, ...]

    @property
    def name(self) -> str:
        return " + ".join(entry.title for entry in self.entries)


def parse(
    panel: Several, labels: Several | None = None, input_range: str | Sequence[str] | None = None
) -> str | PanelSpec:
    """A panel's names -> the one embedded panel (or "auto") they are, or a `PanelSpec`.

    panel: one name or several, each a path or a text as above. labels: files of class names: one
    for all models of a file, or one for each, in order. input_range: of INPUT_RANGES, the same for
    all ONNX files or one for each. Raises UsageError, and WeightsError for a file that is missing.
    """
    entries = [entry for given in one_or_more("panel", panel) for entry in entries_of(given)]
    if not entries:
        raise UsageError(f"no panel is named: {CHOICES}")
    own = [index for index, entry in enumerate(entries) if entry.file is not None]
    for index, file in paired("labels", labels, own, "models of a file"):
        path = present(file, UsageError)
        stamps = (*entries[index].stamps, stamp(path))
        entries[index] = replace(entries[index], labels=path, stamps=stamps)
    onnx = [index for index in own if entries[index].kind == "onnx"]
    for index, word in paired("input range", input_range, onnx, "ONNX files"):
        check_choice("input range", word, INPUT_RANGES)
        entries[index] = replace(entries[index], input_range=word)
    if len(entries) == 1 and entries[0].kind == "embedded":
        return entries[0].name
    return PanelSpec(tuple(distinct(entries)))


CHOICES = (
    f"choose from {registry.AUTO}, {', '.join(registry.PANELS)}, a file NAME.onnx, "
    "torchvision:NAME, timm:NAME"
)


def one_or_more(name: str, value: object) -> list[Given]:
    """A path or a text, or a sequence of them, as a list. Raises UsageError."""
    values = [value] if isinstance(value, Given) or not isinstance(value, Sequence) else value
    for each in values:
        if not isinstance(each, Given):
            raise UsageError(f"{name} {each!r}: give a name or a path, or a list of them")
    return list(values)


def entries_of(given: Given) -> Iterator[Entry]:
    """The entries that one value of `--panel` names."""
    if isinstance(given, os.PathLike):
        yield onnx_entry(os.fspath(given))
        return
    library = None
    for piece in pieces(given):
        prefix, colon, rest = piece.partition(":")
        if colon and prefix in LIBRARIES:
            library, piece = prefix, rest
        if library is not None:
            yield library_entry(library, piece)
        elif piece in (registry.AUTO, *registry.PANELS):
            yield Entry("embedded", piece)
        elif piece.lower().endswith(ONNX) or Path(piece).is_file():
            yield onnx_entry(piece)
        else:
            raise UsageError(f"no panel {piece!r}: {CHOICES}")


def pieces(text: str) -> list[str]:
    """The text at its commas, unless they belong to the name of a file that is there."""
    before, _, file = text.partition("=") if text.startswith(LIBRARIES) else ("", "", text)
    if file and "," not in before and Path(file).is_file():
        return [text]
    return [piece.strip() for piece in text.split(",")]


def onnx_entry(path: str) -> Entry:
    file = present(path, WeightsError)
    return Entry("onnx", file.name, file, stamps=(stamp(file),))


def library_entry(library: str, text: str) -> Entry:
    name, equals, path = text.partition("=")
    if not name or (equals and not path):
        raise UsageError(
            f"{library}:{text}: give {library}:NAME, or {library}:NAME=FILE with its weights"
        )
    if name in registry.PANELS:
        raise UsageError(f"{library}:{name}: name the panel {name} with a --panel of its own")
    if not equals:
        return Entry(library, name)
    file = present(path, WeightsError)
    return Entry(library, name, file, stamps=(stamp(file),))


def present(path: Given, error: type[UsageError | WeightsError]) -> Path:
    """The path of a file that is there; raises the error otherwise."""
    try:
        if Path(path).is_file():
            return Path(path)
        folder = Path(path).is_dir()
    except (OSError, ValueError):  # a name that no file can have
        folder = False
    if folder:
        raise error(f"{path} is a folder: name the file in it")
    raise error(f"{path}: no such file: check the name and the folder")


def stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def paired(
    name: str, values: Several | None, indices: list[int], kind: str
) -> list[tuple[int, Given]]:
    """(index, value): one value for all of the indices, or one for each."""
    if values is None:
        return []
    given = one_or_more(name, values)
    if not given:
        return []
    if not indices:
        raise UsageError(f"{name}: it is for {kind}, and the panel names none; leave it out")
    if len(given) == 1:
        return [(index, given[0]) for index in indices]
    if len(given) != len(indices):
        raise UsageError(
            f"{name}: given {len(given)} times for {len(indices)} {kind}; give it once for all, or "
            "once for each in order"
        )
    return list(zip(indices, given, strict=True))


def distinct(entries: list[Entry]) -> list[Entry]:
    """The entries under different titles: files of one name by their paths. Raises UsageError."""
    if any(entry.name == registry.AUTO for entry in entries):
        raise UsageError(
            f"panel {registry.AUTO} chooses an embedded panel by the picture's size: beside "
            f"another one name {' or '.join(registry.PANELS)}"
        )
    count = Counter(entry.title for entry in entries)
    named = [
        replace(entry, name=str(entry.file))
        if count[entry.title] > 1 and entry.kind == "onnx"
        else entry
        for entry in entries
    ]
    for title, number in Counter(entry.title for entry in named).items():
        if number > 1:
            raise UsageError(f"the panel names {title} {number} times: name it once")
    return named
