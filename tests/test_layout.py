"""The rooms and their arrows: who may import whom, and what may not be in the repository."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "engine": set(),
    "training": {"engine"},
    "export": {"training", "engine"},
    "demo": {"engine"},
}


def imports(path: Path) -> set[str]:
    """Top-level names of every absolute import in a file, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found


ROOMS = [room for room in MAY_IMPORT if (ROOT / room).is_dir()]


@pytest.mark.parametrize("room", ROOMS)
def test_arrows(room):
    others = set(MAY_IMPORT) - {room} - MAY_IMPORT[room]
    files = list((ROOT / room).rglob("*.py"))
    assert files
    for path in files:
        assert not imports(path) & others, path


TORCH_MODULES = ("classifiers", "hvs", "layers", "losses", "networks", "search", "stored", "unseen")
TORCH_MODULES += ("perceptual",)  # ColorVideoVDP runs on it; only `quality` and a measure ask it
# The cloak is a gradient search; its command imports torch when it runs.
CLOAK_MODULES = ("alignment", "cloak", "placement", "recogniser")
ATTACK_MODULES = ("colour", "methods", "moves", "objective", "observers", "ours", "transforms")
NEEDS_TORCH = {f"{name}.py" for name in (*TORCH_MODULES, *CLOAK_MODULES, *ATTACK_MODULES)}
NEEDS_TORCH |= {"ready.py", "tuning.py", "precision.py"}
NEEDS_TORCH |= {"efficientnet.py", "photo_generator.py", "photo_panel.py", "quantised.py"}


def test_only_what_needs_gradients_imports_torch():
    for path in (ROOT / "engine").rglob("*.py"):
        if path.parent.name != "commands":  # these say what is missing
            assert ("torch" in imports(path)) == (path.name in NEEDS_TORCH), path


def tracked() -> list[str]:
    result = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if result.returncode:
        pytest.skip("not a git checkout")
    return result.stdout.splitlines()


def test_no_pickle_and_nothing_large_is_tracked():
    for name in tracked():
        path = ROOT / name
        assert path.suffix not in {".pt", ".pth", ".pkl", ".ckpt", ".parquet", ".npy"}, name
        if path.is_file():
            assert path.stat().st_size < 12_000_000, name
