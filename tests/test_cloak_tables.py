"""The cloak's tables: made of results that are there, in no document where they are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.evaluate.cloak.plan import row
from training.records import record
from training.results.cloak import faces
from training.results.tables import BLOCK, DOCUMENTS, TABLES, render

RESULTS = record.RESULTS
NAMES = tuple(faces.TABLES)
PHOTO = {
    "success": True,
    "agree": True,
    "attempts": 1,
    "gradients": 34,
    "seconds": 0.8,
    "versions_reached": {"png": True},
    "psnr_db": 60.0,
    "ssim": 0.999,
    "jod": 9.99,
    "delta_e_99": 0.6,
    "beyond_jnd_share": 0.001,
}


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """Made-up results of four photos, one method without a success."""
    from training.evaluate.cloak.metrics import summary

    rows = []
    for protocol, targeted in (("closed-set", False), ("closed-set", True), ("lasting", False)):
        rows.append(summary(row("ours", protocol, targeted), [PHOTO] * 4))
        rows.append(summary(row("fgsm", protocol, targeted), [PHOTO | {"success": False}] * 4))
    rows.append(summary(row("ours", "lasting", own=True), [PHOTO] * 4) | {"own": True})
    rows.append(summary(row("paper-l1", "closed-set", photos=2), [PHOTO] * 2))
    jnd = {"name": "wu2017", "version": 1}
    decided = {"decided_by": {"jnd": jnd, "reported": jnd}}
    rows = [made | decided | {"hardware": "two cores"} for made in rows]
    now = {"decided_by": {"jnd": jnd | {"version": 2}, "reported": jnd | {"version": 2}}}
    rows.append(rows[-1] | now | {"sample": True})
    rows[1]["hardware"] = "an abacus"
    latency = {"method": "ours", "protocol": "dodging", "n": 3, "seconds": 1.2}
    latency |= {"hardware": "two cores"}
    how = {"data": "lfw", "hardware": "two cores", "command": "python -m training …", "seed": 0}
    cloak = how | {"photos": 4, "batch": 10, "beyond_jnd_of": "wu2017", "missing": ["a row"]}
    cloak |= {"rows": rows, "latency": [latency | {"seconds_std": 0.1, "success": 1.0}]}
    accuracy = {"accuracy_cross_validated": 0.99, "accuracy_cross_validated_std": 0.004}
    verified = how | {
        "rows": [{"recogniser": "dlib", "accuracy": 0.98, "n_pairs": 6000, **accuracy}]
    }
    attack = {"method": "ours", "success": 1.0, "n": 4, "gradients": 24.0, "seconds_per_image": 0.1}
    seen = {
        "psnr_db": 40.0,
        "psnr_db_std": 1.0,
        "ssim": 0.99,
        "delta_e_99": 1,
        "beyond_jnd_share": 0,
    }
    panel = how | {"beyond_jnd_of": "wu2017", "rows": [attack | seen | decided]}
    files = {"cloak_lfw": cloak, "recogniser_lfw": verified, "panel_cifar10": panel}
    for name, made in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(made))
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_table_is_made_of_results(name, results):
    text = render(f"<!-- table: {name} -->\nstale\n<!-- end: {name} -->\n")
    assert "stale" not in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert "two cores" in text


def test_the_best_is_first_and_a_failure_has_no_quality(results):
    best, worst = faces.TABLES["cloak_closed_set"]().splitlines()[2:4]
    assert best.startswith("| ours | 100 % | 60.00 ± 0.00 | 0.9990 | 9.990 |")
    assert worst.startswith("| fgsm | 0 % | – | – | – |")
    assert "1 rows not measured" in faces.TABLES["cloak_lasting"]()


def test_seconds_of_other_hardware_are_marked(results):
    ours, fgsm = faces.TABLES["cloak_closed_set"]().splitlines()[2:4]
    assert ours.endswith("| 0.8 |")
    assert fgsm.endswith("| 0.8* |")
    assert "with a star: on an abacus;" in faces.TABLES["cloak_closed_set"]()
    assert "star" not in faces.TABLES["cloak_latency"]()  # nothing there is marked


def test_a_method_without_a_success_has_a_row_too(results):
    path = results / "panel_cifar10.json"
    result = json.loads(path.read_text())
    failed = {"method": "fgv", "success": 0.0, "n": 4, "gradients": 9.0, "seconds_per_image": 0.1}
    failed |= {"decided_by": result["rows"][0]["decided_by"]}
    path.write_text(json.dumps(result | {"rows": [failed, *result["rows"]]}))
    assert "| fgv | 0 % | – | – | – | – | 9 |" in faces.cloak_panel()


def test_every_table_is_known_and_none_in_a_document_lacks_results():
    assert set(NAMES) <= set(TABLES)
    text = "".join(path.read_text() for path in DOCUMENTS)
    shown = {name for _, name, _ in BLOCK.findall(text)}
    for name in shown & set(NAMES):
        file = {"recogniser": "recogniser_lfw", "cloak_panel": "panel_cifar10"}.get(
            name, "cloak_lfw"
        )
        assert (RESULTS / f"{file}.json").is_file(), name
