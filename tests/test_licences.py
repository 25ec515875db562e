"""LICENCES.md and constraints.txt hold every dependency and file of weights, as installed here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_dependencies import PROJECT, declared

from engine.errors import EngineError
from engine.models.locate import EMBEDDED
from engine.models.registry import MODELS
from export.licences import listed as licences
from export.licences.dependencies import (
    EXTRAS,
    closure,
    dependencies,
    installed,
    normalised,
    pinned,
)

pytest.importorskip("packaging")

ROOT = Path(__file__).parents[1]
LISTED = (ROOT / "LICENCES.md").read_text()
PINNED = pinned()


def table(heading: str) -> dict[str, list[str]]:
    """First column -> the others, of the table under a heading."""
    text = LISTED.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {row[0].strip("`"): row[1:] for row in rows[2:]}


def test_every_extra_is_looked_at():
    assert set(EXTRAS) == {"", *PROJECT["optional-dependencies"]}


def test_every_dependency_is_listed_with_its_licence():
    packages = table("Packages")
    there = dependencies()
    assert len(there) > 100
    for each in there:
        assert each.name in packages, f"{each.name}: run python -m export licences"
        expression = licences.licence_of(each.name, installed(each.name))
        assert packages[each.name][1] == expression, each.name
        for licence in licences.conditions(expression):
            assert each.name in table("With conditions")[licence][0].split(", ")
    for extra in PROJECT["optional-dependencies"]:
        assert {normalised(each) for each in declared(extra)} <= set(packages), extra


def test_nothing_that_has_a_condition_on_ours_is_needed_to_run():
    for name in closure("") | closure("attack") | closure("faces"):
        found = licences.conditions(licences.licence_of(name, installed(name)))
        assert set(found) <= {"MPL-2.0", licences.NVIDIA}, name


def test_every_file_of_weights_is_listed_with_the_licence_it_has():
    weights = table("Weights")
    files = [path for path in EMBEDDED.iterdir() if path.suffix in (".onnx", ".safetensors")]
    assert {path.name for path in files} == set(weights)
    written = {}
    for name in ("provenance.json", "recogniser.json"):
        written |= json.loads((EMBEDDED / name).read_text())["files"]
    for row in MODELS.values():
        if row.sha256:
            assert weights[row.file] == [row.licence]
            assert written[row.file]["licence"] == row.licence
            assert licences.conditions(row.licence) == []


def test_every_version_that_is_tested_is_pinned():
    there = [each for each in dependencies() if licences.tested(each)]
    versions = {each.name: each.version for each in there}
    assert set(versions) <= set(PINNED)
    other = {name: (PINNED[name], here) for name, here in versions.items() if PINNED[name] != here}
    assert not other, "pinned, installed: run python -m export licences, or make test anew"


def test_make_and_ci_install_what_is_pinned():
    lines = [line for line in (ROOT / "Makefile").read_text().splitlines() if "pip install" in line]
    ours = [line for line in lines if line.startswith("\t$(BIN)")]
    assert len(ours) >= 5
    assert all("--constraint constraints.txt" in line for line in ours)
    assert "make test" in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("MIT", []),
        ("Apache-2.0 OR BSD-3-Clause", []),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", ["MPL-2.0"]),
        ("MIT OR GPL-3.0-or-later", []),
        ("BSD-3-Clause AND LGPL-3.0-only", ["LGPL-3.0-only"]),
    ],
)
def test_conditions_of_an_expression(expression, found):
    assert licences.conditions(expression) == found


def test_what_was_not_looked_at_is_an_error():
    with pytest.raises(EngineError, match=r"licence AGPL-3\.0-only was not looked at"):
        licences.conditions("MIT AND AGPL-3.0-only")
    with pytest.raises(EngineError, match="licence of no-such-package is not known"):
        licences.licence_of("no-such-package", None)
