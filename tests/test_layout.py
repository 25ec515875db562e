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
# Of each house, low to high: a room imports itself and those before it.
ROOMS = {
    "engine": (
        *("errors", "arguments", "system", "images", "metrics", "models", "human", "networks"),
        *("faces", "attack", "panels", "machine", "compress", "quality", "watermark"),
        *("cloak", "terminal", "batch", "commands"),
    ),
    "training": ("records", "data", "train", "options", "evaluate", "results"),
    "demo": ("server", "handlers", "examples", "ui", "tabs", "api", "service", "app", "space"),
}
# Everything in these may need PyTorch when it is imported; nothing elsewhere does.
NEED_TORCH = ("engine/networks", "engine/attack", "engine/cloak")
NEED_TORCH_TOO = {
    "engine/metrics/perceptual.py",
    "engine/machine/search.py",
    "engine/panels/gradients.py",
    "engine/panels/torch_models.py",
}


def modules(path: Path) -> list[list[str]]:
    """Every module that a file imports, at any depth, as its parts from the top."""
    package = list(path.relative_to(ROOT).parts[:-1])
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = base + (node.module.split(".") if node.module else [])
            # `from ..models import registry` names a module, `from .errors import E` does not
            found += [[*module, alias.name] for alias in node.names]
    return found


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, folder
    return found


@pytest.mark.parametrize("house", MAY_IMPORT)
def test_arrows_between_houses(house):
    others = set(MAY_IMPORT) - {house} - MAY_IMPORT[house]
    for path in files(house):
        assert not {module[0] for module in modules(path)} & others, path


@pytest.mark.parametrize("house", ROOMS)
def test_arrows_between_rooms(house):
    order = {room: place for place, room in enumerate(ROOMS[house])}
    for path in files(house):
        own = path.relative_to(ROOT / house).with_suffix("").parts[0]
        if own in ("__init__", "__main__"):
            continue
        assert own in order, f"{path} is in no room"
        for module in modules(path):
            if module[0] == house and len(module) > 1 and module[1] in order:
                assert order[module[1]] <= order[own], (path, ".".join(module))


def test_import_paths_say_what_needs_torch():
    """PyTorch itself is imported nowhere else; commands say what is missing."""
    for path in files("engine"):
        name = path.relative_to(ROOT).as_posix()
        if "torch" in {module[0] for module in modules(path)}:
            assert (
                name.startswith((*NEED_TORCH, "engine/commands", "engine/terminal"))
                or name in NEED_TORCH_TOO
            ), name


def test_rooms_are_small():
    """No file above 300 lines, no room above ten files besides its __init__.

    The tests are one file per idea, however many those are.
    """
    for house in (*MAY_IMPORT, "tests"):
        for path in files(house):
            assert len(path.read_text().splitlines()) <= 300, path
            if house == "tests":
                continue
            beside = [each for each in path.parent.glob("*.py") if each.name != "__init__.py"]
            assert len(beside) <= 10, path.parent


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
