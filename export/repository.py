"""A repository on the Hub as a folder: weights, provenance, parity report, config.json, card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from engine import __version__
from engine.errors import PublishError
from engine.models.locate import sha256_of
from engine.models.registry import MODELS, RECOGNISER, Model
from engine.system.files import write_text
from training.records.record import write_json

from .build import PARITY
from .card import card

CONFIG = "config.json"
README = "README.md"
# Of a graph's contract; how it was trained is in the provenance.
LEFT_OUT = {"training", "calibration"}
# What is no ONNX graph cannot carry its contract: see `engine.networks.recogniser`.
CONTRACTS = {
    RECOGNISER: {
        "network": "engine.networks.recogniser.Recogniser",
        "inputs": {
            "chips": {
                "type": "float32",
                "layout": "N×3×150×150",
                "range": "0…1",
                "colour": "sRGB, R G B",
                "alignment": "dlib's face chip, see engine.faces.chip",
            }
        },
        "outputs": {"descriptor": {"type": "float32", "layout": "N×128"}},
    }
}


def repositories() -> dict[str, list[Model]]:
    """Every repository that `engine.models.registry` names, and its rows."""
    rows: dict[str, list[Model]] = {}
    for row in MODELS.values():
        rows.setdefault(row.repo, []).append(row)
    return rows


def assemble_all(weights: Path, out: Path) -> list[Path]:
    """A folder in `out` for each repository of which `weights` holds a file; returns them.

    Raises PublishError where a file is not the one of the provenance beside it.
    """
    return [
        assemble(repo, weights, out / repo.partition("/")[2])
        for repo, rows in repositories().items()
        if any(listed(weights, row) for row in rows)
    ]


def assemble(repo: str, weights: Path, out: Path) -> Path:
    """Write the folder of one repository anew; returns it. Raises PublishError."""
    rows = {row: listed(weights, row) for row in repositories()[repo]}
    files = {name: (row, entry) for row, entries in rows.items() for name, entry in entries.items()}
    if not files:
        raise PublishError(
            f"{weights} holds no weights of {repo}: write them with `python -m export`, or name "
            "another folder"
        )
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    for name, (_, entry) in files.items():
        shutil.copyfile(weights / name, out / name)
        if (licence := weights / f"LICENSE-{Path(name).stem}").is_file():  # of others' weights
            shutil.copyfile(licence, out / licence.name)
        if (digest := sha256_of(out / name)) != entry["sha256"]:
            raise PublishError(
                f"{weights / name} has sha256 {digest[:12]}…, its provenance says "
                f"{entry['sha256'][:12]}…: export it anew"
            )
    for provenance in {row.provenance for row, _ in files.values()}:
        shown = {n: entry for n, (row, entry) in files.items() if row.provenance == provenance}
        write_json(out / provenance, {"files": shown})
    if (report := part_of_report(weights / PARITY, set(files))) is not None:
        write_json(out / PARITY, report)
    configuration = config({name: (row, out / name) for name, (row, _) in files.items()})
    write_json(out / CONFIG, configuration)
    write_text(out / README, card(repo.partition("/")[2], configuration["models"]))
    return out


def listed(weights: Path, row: Model) -> dict[str, dict]:
    """A row's file, and its half-precision graph where there is one, with their provenance."""
    path = weights / row.provenance
    known = json.loads(path.read_text())["files"] if path.is_file() else {}
    return {
        name: entry
        for name, entry in known.items()
        if row.file in (name, entry.get("half_of")) and (weights / name).is_file()
    }


def part_of_report(path: Path, files: set[str]) -> dict | None:
    """The parity report about these files; None where there is none."""
    if not path.is_file():
        return None
    report = json.loads(path.read_text())
    part = {
        key: {name: rows for name, rows in value.items() if name in files}
        if isinstance(value, dict)
        else value
        for key, value in report.items()
    }
    return part if part.get("parity") else None


def config(files: dict[str, tuple[Model, Path]]) -> dict:
    """The content of `config.json`: the version, and every file with size, sha256 and contract."""
    return {
        "library_name": "just-noticeable",
        "version": __version__,
        "models": [
            {
                "name": row.name,
                "file": name,
                "sha256": sha256_of(path),
                "bytes": path.stat().st_size,
                "licence": row.licence,
                "computes_in": "float32" if name == row.file else "float16",
                "contract": contract(row, path),
            }
            for name, (row, path) in files.items()
        ],
    }


def contract(row: Model, path: Path) -> dict:
    """Inputs, outputs and limits, from the graph itself."""
    if row.name in CONTRACTS:
        return CONTRACTS[row.name]
    import onnx

    properties = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    whole = json.loads(properties["contract"])
    return {key: value for key, value in whole.items() if key not in LEFT_OUT}
