"""What the code imports is what pyproject.toml declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Modules whose distribution has another name.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "dlib": "dlib-bin",
    "imwatermark": "invisible-watermark",
    "pillow_jxl": "pillow-jxl-plugin",
    "pycvvdp": "cvvdp",
    "skimage": "scikit-image",
}
EXTRAS = {
    "engine": ("attack", "evaluation", "faces", "heif", "jxl", "panels", "ray"),
    "demo": ("demo",),
    "export": ("train",),
    "training": ("compared", "train"),
}
THERE_OR_NOT = {"demo": {"spaces"}}  # Hugging Face's ZeroGPU has it


def name(requirement: str) -> str:
    """The distribution of a requirement, as `gradio[mcp]>=6` is gradio."""
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def declared(*extras: str) -> set[str]:
    """Distributions of the project and these extras, with the extras they ask for."""
    found = set(map(name, PROJECT["dependencies"]))
    for extra in extras:
        for requirement in PROJECT["optional-dependencies"][extra]:
            own = re.match(rf"{PROJECT['name']}\[([\w,]+)\]", requirement)
            found |= declared(*own[1].split(",")) if own else {name(requirement)}
    return found


def imported(room: str) -> dict[str, set[str]]:
    """Distribution -> files of the room that import it, at any depth."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module]
            for module in modules:
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in EXTRAS:
                    name = DISTRIBUTIONS.get(top, top.replace("_", "-"))
                    found.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    return found


@pytest.mark.parametrize("room", EXTRAS)
def test_every_import_is_declared(room):
    found = imported(room)
    assert found
    # onnxruntime comes as onnxruntime-gpu where a wheel exists.
    missing = set(found) - declared(*EXTRAS[room]) - THERE_OR_NOT.get(room, set())
    assert not missing, {name: found[name] for name in missing}
