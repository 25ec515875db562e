"""The README of `engine.attack`: its examples run, and nothing is missing from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
import untrained_models as models
from PIL import Image
from untrained_models import SIDE

import engine.attack
from engine.attack import AttackResult, attack
from engine.attack.library.arguments import NAMES

one_thread = models.one_thread
ROOT = Path(__file__).parents[1]
README = ROOT / "engine" / "attack" / "README.md"


def test_importing_the_room_imports_no_torch():
    import subprocess
    import sys

    code = "import sys, engine.attack; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
    assert set(engine.attack.__all__) <= set(dir(engine.attack))


def test_the_examples_of_the_readme_run(tmp_path, photos, monkeypatch):
    pytest.importorskip("torchvision", reason="torchvision is not installed")
    for name, pixels in zip(("photo", "other"), photos.values(), strict=False):
        Image.fromarray(pixels).resize((SIDE, SIDE)).save(tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    assert len(examples) >= 4
    names: dict = {}
    torch.manual_seed(0)
    for example in examples:
        exec(compile(example, README.name, "exec"), names)
    assert isinstance(names["result"], AttackResult)
    assert (tmp_path / "attacked.png").is_file()


def test_the_readme_names_every_option_and_method():
    import inspect

    text = README.read_text()
    for name in (*inspect.signature(attack).parameters, *NAMES):
        assert f"`{name}`" in text, name
