"""Read labelled pictures: one loader for every place CIFAR-10 comes from.

`load(source, split)` accepts, in this order of recognition:
- `torchvision:ROOT`: `torchvision.datasets.CIFAR10`, already unpacked below ROOT;
- `hub:OWNER/NAME` or `hub:OWNER/NAME@REVISION`: a dataset repository on the Hugging Face Hub;
- a folder that holds parquet files in the Hub's layout (`train-*.parquet`, an image column of
  {bytes, path} structs, an integer `label` column), at any depth;
- a folder of images, one sub-folder per class, below `train/` and `test/`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

IMAGE_COLUMNS = ("img", "image")
LABEL_COLUMNS = ("label", "labels", "fine_label")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class DataError(Exception):
    """A data source that cannot be read: what is wrong and what would be right."""


@dataclass(frozen=True)
class LabelledImages:
    """images uint8 N×H×W×3 sRGB 0…255; labels int64 N; source: what they were read from."""

    images: np.ndarray
    labels: np.ndarray
    source: str

    def __len__(self) -> int:
        return len(self.images)

    def first(self, count: int | None) -> LabelledImages:
        """At most the first `count`; all for None."""
        return LabelledImages(self.images[:count], self.labels[:count], self.source)

    def last(self, count: int | None) -> LabelledImages:
        """At most the last `count`; all for None."""
        start = 0 if count is None else max(0, len(self) - count)
        return LabelledImages(self.images[start:], self.labels[start:], self.source)


def load(source: str, split: str, *, size: int = 32) -> LabelledImages:
    """Read one split, "train" or "test". Pictures of another size are resized to size×size.

    Raises DataError where the source holds no such split or no pictures.
    """
    if source.startswith("torchvision:"):
        return _load_torchvision(source.removeprefix("torchvision:"), split)
    folder, name = _place(source)
    parquet = sorted(folder.rglob(f"{split}-*.parquet"))
    if parquet:
        return _load_parquet(parquet, name, size)
    if (folder / split).is_dir():
        return _load_folder(folder, split, name, size)
    raise DataError(f"{folder} holds neither {split}-*.parquet nor a folder {split}/ of pictures")


@dataclass(frozen=True)
class Photos:
    """Pictures of any sizes: uint8 H×W×3 sRGB 0…255 each; source: what they were read from."""

    images: tuple[np.ndarray, ...]
    source: str

    def __len__(self) -> int:
        return len(self.images)

    def first(self, count: int | None) -> Photos:
        """At most the first `count`; all for None."""
        return Photos(self.images[:count], self.source)


def load_photos(source: str, *splits: str) -> Photos:
    """Read the pictures of the first of these splits that a source has, each in its own size.

    source: a folder of `SPLIT-*.parquet`, a folder with a folder SPLIT of pictures, or
    hub:OWNER/NAME. Raises DataError where there is no such split or no pictures.
    """
    folder, name = _place(source)
    for split in splits:
        streams: list = []
        for path in sorted(folder.rglob(f"{split}-*.parquet")):
            streams += [io.BytesIO(data) for data in _pictures_of(path)]
        if not streams and (folder / split).is_dir():
            found = sorted((folder / split).rglob("*"))
            streams = [path for path in found if path.suffix.lower() in IMAGE_SUFFIXES]
        if streams:
            images, formats = [], set()
            for stream in streams:
                with Image.open(stream) as image:
                    formats.add(image.format)
                    images.append(np.asarray(image.convert("RGB")))
            kinds = " and ".join(sorted(formats))
            return Photos(tuple(images), f"{name}: {len(images)} {kinds} pictures")
    raise DataError(f"{folder} holds no pictures of a split {' or '.join(splits)}")


def _pictures_of(path: Path) -> list[bytes]:
    from pyarrow import parquet

    table = parquet.read_table(path)
    column = table[_column(table.column_names, IMAGE_COLUMNS, path)]
    return [cell["bytes"] for cell in column.to_pylist()]


def _place(source: str) -> tuple[Path, str]:
    """The folder of a source that is a folder or on the Hub, and its name in a report."""
    if source.startswith("hub:"):
        return _download(source.removeprefix("hub:")), source
    folder = Path(source)
    if not folder.is_dir():
        raise DataError(f"no data at {folder}: give a folder, torchvision:ROOT or hub:OWNER/NAME")
    return folder, folder.resolve().name  # never a path of one machine


def _decode(streams: Iterable, size: int) -> tuple[np.ndarray, str]:
    """Pictures of one set -> uint8 N×size×size×3 and the names of their file formats."""
    images, formats = [], set()
    for stream in streams:
        with Image.open(stream) as image:
            formats.add(image.format)
            image = image.convert("RGB")
        if image.size != (size, size):
            image = image.resize((size, size), Image.Resampling.LANCZOS)
        images.append(np.asarray(image))
    return np.stack(images), " and ".join(sorted(formats))


def _column(names: list[str], wanted: tuple[str, ...], path: Path) -> str:
    for name in wanted:
        if name in names:
            return name
    raise DataError(f"{path} has columns {names}, none of {wanted}")


def _load_parquet(paths: list[Path], name: str, size: int) -> LabelledImages:
    from pyarrow import parquet

    cells, labels = [], []
    for path in paths:
        table = parquet.read_table(path)
        cells += table[_column(table.column_names, IMAGE_COLUMNS, path)].to_pylist()
        labels += table[_column(table.column_names, LABEL_COLUMNS, path)].to_pylist()
    if not cells:
        raise DataError(f"{paths[0]} holds no rows")
    images, formats = _decode((io.BytesIO(cell["bytes"]) for cell in cells), size)
    source = f"{name}: parquet, {formats} pictures"
    return LabelledImages(images, np.array(labels, np.int64), source)


def _load_folder(folder: Path, split: str, name: str, size: int) -> LabelledImages:
    """Labels number the class names of all splits together, so that a split may lack some.

    The classes take turns, so that the first pictures are of all of them.
    """
    classes = sorted({path.name for path in folder.glob("*/*") if path.is_dir()})
    found: list[tuple[int, int, Path]] = []  # turn, label, path
    for label, kind in enumerate(classes):
        own = folder / split / kind
        entries = sorted(own.iterdir()) if own.is_dir() else []
        own_pictures = [path for path in entries if path.suffix.lower() in IMAGE_SUFFIXES]
        found += [(turn, label, path) for turn, path in enumerate(own_pictures)]
    if not found:
        raise DataError(f"{folder / split} holds no pictures in class sub-folders")
    _, labels, paths = zip(*sorted(found), strict=True)
    images, formats = _decode(paths, size)
    return LabelledImages(images, np.array(labels, np.int64), f"{name}: folder, {formats} pictures")


def _load_torchvision(root: str, split: str) -> LabelledImages:
    from torchvision.datasets import CIFAR10

    try:
        dataset = CIFAR10(root, train=split == "train", download=False)
    except RuntimeError as error:
        raise DataError(f"torchvision finds no CIFAR-10 below {root}: {error}") from error
    labels = np.array(dataset.targets, np.int64)
    return LabelledImages(dataset.data, labels, "torchvision CIFAR10, lossless")


def _download(repository: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    name, _, revision = repository.partition("@")
    try:
        folder = snapshot_download(
            name, repo_type="dataset", revision=revision or None, allow_patterns="*.parquet"
        )
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise DataError(
            f"the Hub does not give {repository} ({type(error).__name__}): check the name and the "
            "network, or name a folder"
        ) from None
    return Path(folder)
