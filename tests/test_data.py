"""One loader for every place the labelled pictures come from."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from PIL import Image

from training.data.labelled import DataError, load


def test_parquet_in_the_hubs_layout(labelled, crops):
    train, test = load(str(labelled), "train"), load(str(labelled), "test")
    assert train.images.shape == (256, 32, 32, 3)
    assert train.images.dtype == np.uint8
    assert len(test) == 64
    assert train.labels.tolist() == [index % 10 for index in range(256)]
    difference = np.abs(train.images[0].astype(int) - crops[0])
    assert difference.max() <= 9  # the noise the fixture added, nothing else
    assert "PNG" in train.source
    assert str(labelled.parent) not in train.source


def test_a_folder_of_pictures(tmp_path, crops):
    for index, crop in enumerate(crops[:8]):
        folder = tmp_path / "train" / ("cat", "dog")[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(crop).resize((40, 40)).save(folder / f"{index}.png")
    (tmp_path / "train" / "cat" / "notes.txt").write_text("not a picture")
    data = load(str(tmp_path), "train")
    assert data.images.shape == (8, 32, 32, 3)
    assert data.labels.tolist() == [0, 1] * 4


def test_a_class_that_a_split_lacks_keeps_the_numbers_of_the_others(tmp_path, crops):
    for split, kinds in (("train", ("bird", "cat", "dog")), ("test", ("cat", "dog"))):
        for kind in kinds:
            (tmp_path / split / kind).mkdir(parents=True)
            Image.fromarray(crops[0]).save(tmp_path / split / kind / "0.png")
    assert load(str(tmp_path), "train").labels.tolist() == [0, 1, 2]
    assert load(str(tmp_path), "test").labels.tolist() == [1, 2]


def test_torchvision(tmp_path, crops, monkeypatch):
    """The real torchvision reader on files in its layout (its checksums are of the real set)."""
    from torchvision.datasets import CIFAR10

    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    for index, (name, _) in enumerate([*CIFAR10.train_list, *CIFAR10.test_list]):
        pictures = crops[index * 8 : index * 8 + 8].transpose(0, 3, 1, 2).reshape(8, -1)
        batch = {"data": pictures, "labels": list(range(8))}
        (folder / name).write_bytes(pickle.dumps(batch))
    classes = {"label_names": [str(number) for number in range(10)]}
    (folder / CIFAR10.meta["filename"]).write_bytes(pickle.dumps(classes))
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    data = load(f"torchvision:{tmp_path}", "train")
    np.testing.assert_array_equal(data.images, crops[:40])
    assert len(load(f"torchvision:{tmp_path}", "test")) == 8


def test_errors_say_what_would_be_right(tmp_path):
    with pytest.raises(DataError, match="give a folder"):
        load(str(tmp_path / "nowhere"), "train")
    with pytest.raises(DataError, match="neither"):
        load(str(tmp_path), "train")
    with pytest.raises(DataError, match="torchvision"):
        load(f"torchvision:{tmp_path}", "train")
    with pytest.raises(DataError, match="Hub"):
        load("hub:no/such/repository", "train")
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        load(str(tmp_path), "train")
