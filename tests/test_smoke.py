"""Everything tiny, from pictures to the command line: train, export, run, measure."""

from __future__ import annotations

import json
import time

import pytest

from engine.commands import cli
from engine.models.registry import BEST
from export.__main__ import main as export_main
from training.__main__ import main as training_main
from training.train import checkpoint


@pytest.fixture(scope="module")
def trained(tmp_path_factory, labelled):
    """Runs and exported weights of the smoke presets; the processor seconds of the training."""
    runs, out = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("exported")
    started = time.process_time()
    common = ["--data", str(labelled), "--runs", str(runs), "--preset", "smoke"]
    assert training_main(["classifiers", *common]) == 0
    assert training_main(["generator", *common, "--name", BEST]) == 0
    seconds = time.process_time() - started
    assert export_main(["--runs", str(runs), "--out", str(out)]) == 0
    return runs, out, seconds


def test_retrains_everything_in_under_a_minute_of_one_core(trained):
    assert trained[2] < 60


def test_losses_are_recorded_and_finite(trained):
    runs, _, _ = trained
    note = checkpoint.load(runs / "generators" / f"{BEST}.safetensors")[1]
    row = note["history"][-1]
    assert row["loss"] == pytest.approx(row["l_c"] + row["l_m"] + 0.1 * row["l_s"], rel=1e-4)
    assert 0 <= row["test"]["rca"] <= 1
    assert note["n_train"] == 256


def test_engine_runs_on_the_exported_weights(trained, photos, tmp_path, capsys):
    from engine.images.samples import sample_paths

    _, weights, _ = trained
    paths = [str(path) for path in sample_paths()[:2]]
    arguments = ["machine", *paths, "--out", str(tmp_path), "--weights", str(weights), "--json"]
    assert cli.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["image"] for line in lines] == paths
    assert all(json.loads(line)["verified"] for line in lines)


def test_changed_weights_are_refused(trained, tmp_path, capsys):
    import shutil

    from engine.images.samples import sample_paths

    _, weights, _ = trained
    copy = tmp_path / "weights"
    shutil.copytree(weights, copy)
    with (copy / "vgg-cifar10.onnx").open("r+b") as stream:
        stream.seek(5000)
        byte = stream.read(1)
        stream.seek(5000)
        stream.write(bytes([byte[0] ^ 1]))
    picture = str(sample_paths()[0])
    out = tmp_path / "out"
    code = cli.main(["machine", picture, "--out", str(out), "--weights", str(copy)])
    assert code == 2
    assert "sha256" in capsys.readouterr().err
    assert not out.exists()


@pytest.fixture(scope="module")
def few(tmp_path_factory, labelled):
    """The first 40 training and 24 test pictures of `labelled`, in the same layout."""
    from pyarrow import parquet

    folder = tmp_path_factory.mktemp("few")
    for path in labelled.glob("*.parquet"):
        count = 40 if path.name.startswith("train") else 24
        parquet.write_table(parquet.read_table(path).slice(0, count), folder / path.name)
    return folder


def test_evaluation_measures_what_was_exported(trained, few, tmp_path, monkeypatch):
    from training.evaluate.machine import experiments
    from training.evaluate.machine import run as evaluate
    from training.records import record

    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(experiments, "SEARCHED", 2)
    common = ["--data", str(few), "--weights", str(trained[1]), "--runs", str(tmp_path)]
    assert training_main(["evaluate", "classifiers", *common]) == 0
    assert training_main(["evaluate", "machine", *common]) == 0
    machine = json.loads((tmp_path / "machine_cifar10.json").read_text())
    splits = {row["split"]: row for row in machine["rows"]}
    assert splits["train"]["n"] == 40
    assert splits["test"]["n"] == 24
    verified = machine["verified"][BEST]
    assert verified["rca"] == 1
    for part in machine["homogeneity"]:
        full = next(row for row in part["rows"] if row["k"] == 9)
        assert full["rca"] == splits[part["split"]]["rca"]
        assert part["every_k_keeps_all_labels"] <= part["every_k_keeps"]
    assert {part["split"] for part in machine["homogeneity"]} == {"test", "train"}
    assert [row["control"] for row in machine["controls"] if row["split"] == "train"] == [
        "gaussian noise"
    ]
    controls = {row["control"]: row for row in machine["controls"] if row["split"] == "test"}
    # One pixel of salt more or less is up to 1.5 dB of a picture that is changed this little.
    for name, step in (("gaussian noise", 0.1), ("salt and pepper", 1.5)):
        assert controls[name]["psnr_db"] == pytest.approx(splits["test"]["psnr_db"], abs=step)
    # What the network makes of the mirror image may hold at full scale where its first does not.
    assert verified["full_scale"] >= splits["test"]["all_classifiers_keep"]
    search = {row["method"]: row for row in machine["search"]["rows"]}
    assert set(search) == {"search", BEST}
    assert all(row["n"] == 2 and row["rca"] == 1 for row in search.values())
    classifiers = json.loads((tmp_path / "classifiers_cifar10.json").read_text())
    assert [row["classifier"] for row in classifiers["rows"]] == [
        "alexnet",
        "vgg",
        "resnet",
        "densenet",
    ]

    # Where the notes of an evaluation are lost, nothing is measured again that was published.
    (tmp_path / "measured").rename(tmp_path / "lost")
    monkeypatch.setattr(evaluate, "SECTIONS", dict.fromkeys(evaluate.SECTIONS))
    assert training_main(["evaluate", "machine", *common]) == 0
    assert json.loads((tmp_path / "machine_cifar10.json").read_text()) == machine
    assert set(machine["origin"]) == set(evaluate.SECTIONS)


def test_fresh_classifiers_learn_from_clean_and_from_distorted_pictures(
    trained, labelled, tmp_path, monkeypatch
):
    from training.evaluate.machine import fresh
    from training.records import record

    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(fresh, "PRESET", "smoke")
    common = ["--data", str(labelled), "--weights", str(trained[1]), "--runs", str(tmp_path)]
    assert training_main(["evaluate", "fresh", *common]) == 0
    rows = json.loads((tmp_path / "fresh_cifar10.json").read_text())["rows"]
    worlds = [(row["trained_on"], row["shown"]) for row in rows]
    assert worlds == [(a, b) for a in ("clean", BEST) for b in ("clean", BEST)]
    assert all(0 <= row["accuracy"] <= 1 and row["n"] == 64 for row in rows)


def test_the_ablation_adds_one_thing_per_row(trained, few, tmp_path, monkeypatch):
    import shutil
    from dataclasses import replace

    from training.evaluate.machine import ablation
    from training.records import record

    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(ablation, "PLAIN", replace(ablation.PLAIN, epochs=1, batch=32))
    steps = ("the paper's loss and network", "+ each CAM and each label")
    chosen = {name: ablation.STEPWISE[name] for name in steps}
    monkeypatch.setattr(ablation, "STEPWISE", chosen)
    monkeypatch.setattr(ablation, "SEEDS", (0, 1))
    shutil.copytree(trained[0] / "classifiers", tmp_path / "runs" / "classifiers")
    common = ["--data", str(few), "--runs", str(tmp_path / "runs")]
    assert training_main(["evaluate", "ablation", *common]) == 0
    found = json.loads((tmp_path / "ablation_cifar10.json").read_text())
    rows = found["rows"]
    assert (found["seeds"], found["n"]) == ([0, 1], 24)
    assert [row["variation"] for row in rows] == list(steps)
    assert [row["preset"]["conditioned"] for row in rows] == [False, True]
    for row in rows:
        first, second = row["per_seed"]
        assert first["psnr_unclipped_db"] != second["psnr_unclipped_db"]  # another training
        assert row["psnr_db"] == pytest.approx((first["psnr_db"] + second["psnr_db"]) / 2)
        assert 0 <= row["every_k_keeps"] <= 1


def stop_after_first_save(patch) -> list:
    """Let a training be killed once its first checkpoint is written."""
    calls = []
    original = checkpoint.save

    def save(path, tensors, note):
        original(path, tensors, note)
        if ".resume" in path.name:
            calls.append(path)
            raise KeyboardInterrupt

    patch.setattr(checkpoint, "save", save)
    return calls


def assert_same_network(first, second) -> None:
    import torch

    other = checkpoint.load(second)[0]
    for key, value in checkpoint.load(first)[0].items():
        torch.testing.assert_close(value, other[key], rtol=1e-3, atol=1e-4)


def test_a_stopped_generator_goes_on_with_its_average_and_optimiser(trained, labelled, tmp_path):
    import shutil
    from dataclasses import replace

    from training.data.labelled import DataError, load
    from training.train.machine.generator import train_generator
    from training.train.presets import GENERATOR_PRESETS

    train, test = load(str(labelled), "train"), load(str(labelled), "test")
    preset = replace(GENERATOR_PRESETS["smoke"], epochs=2, average=0.9, images=64)
    for name in ("whole", "halves"):
        shutil.copytree(trained[0] / "classifiers", tmp_path / name / "classifiers")
    whole = train_generator("g", train, test, preset, tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch:
        calls = stop_after_first_save(patch)
        with pytest.raises(KeyboardInterrupt):
            train_generator("g", train, test, preset, tmp_path / "halves")
    assert len(calls) == 1
    with pytest.raises(DataError, match="was made with preset"):
        train_generator("g", train, test, replace(preset, beta=0.5), tmp_path / "halves")
    halves = train_generator("g", train, test, preset, tmp_path / "halves")
    assert [row["loss"] for row in halves["history"]] == pytest.approx(
        [row["loss"] for row in whole["history"]], rel=1e-3
    )
    file = "generators/g.safetensors"
    assert_same_network(tmp_path / "whole" / file, tmp_path / "halves" / file)


def test_a_generator_of_another_panel_is_not_exported(trained, tmp_path, capsys):
    import shutil

    runs = tmp_path / "runs"
    shutil.copytree(trained[0], runs)
    path = runs / "classifiers" / "vgg.safetensors"
    tensors, note = checkpoint.load(path)
    checkpoint.save(path, tensors | {"linear.bias": tensors["linear.bias"] + 1}, note)
    out = tmp_path / "out"
    assert export_main(["--runs", str(runs), "--out", str(out)]) == 1
    assert "another panel" in capsys.readouterr().err
    assert not out.exists()


def test_a_classifier_is_polished_once_with_what_the_others_say(trained, labelled, tmp_path):
    import shutil
    from dataclasses import replace

    from training.data.labelled import load
    from training.train.machine.classifiers import load_classifier, train_classifier
    from training.train.presets import CLASSIFIER_PRESETS

    train, test = load(str(labelled), "train"), load(str(labelled), "test")
    shutil.copytree(trained[0] / "classifiers", tmp_path / "classifiers")
    smoke = CLASSIFIER_PRESETS["smoke"]
    preset = replace(CLASSIFIER_PRESETS["polish"], epochs=1, batch=64)
    path = tmp_path / "classifiers" / "densenet.safetensors"
    before = checkpoint.load(path)[0]
    note = train_classifier("densenet", train, test, preset, tmp_path)
    assert checkpoint.same(note["earlier"]["preset"], smoke)
    assert checkpoint.same(note["preset"], preset)
    after, _ = load_classifier(path)
    changed = [name for name, value in after.state_dict().items() if (value != before[name]).any()]
    assert "linear.weight" in changed
    assert "stem.conv.weight" not in changed  # whitening stays as it is
    assert train_classifier("densenet", train, test, preset, tmp_path) == note
    assert train_classifier("densenet", train, test, smoke, tmp_path) == note


def test_a_stopped_training_goes_on_where_it_was(labelled, tmp_path):
    """Two epochs in one go and in two give the same network."""
    from training.data.labelled import load
    from training.train.machine.classifiers import train_classifier
    from training.train.presets import ClassifierPreset

    train, test = load(str(labelled), "train"), load(str(labelled), "test")
    preset = ClassifierPreset(epochs=2, batch=64)
    whole = tmp_path / "whole"
    train_classifier("alexnet", train, test, preset, whole)

    halves = tmp_path / "halves"
    with pytest.MonkeyPatch.context() as patch:
        calls = stop_after_first_save(patch)
        with pytest.raises(KeyboardInterrupt):
            train_classifier("alexnet", train, test, preset, halves)
    assert len(calls) == 1
    train_classifier("alexnet", train, test, preset, halves)
    file = "classifiers/alexnet.safetensors"
    assert_same_network(whole / file, halves / file)
