"""Exactly the files that the Space needs, in a folder.

Only what git tracks is taken, from the rooms that run. The requirements are pyproject's own, for
Spaces: ONNX Runtime for the processor (a ZeroGPU belongs to PyTorch alone), the PyTorch that
ZeroGPU offers, and the Gradio that is installed here, which is the one that was tested.
"""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from engine.errors import PublishError

from ..examples.card import draw as draw_card

ROOT = Path(__file__).parents[2]
HERE = "demo/space"
TAKEN = ("engine", "demo", "LICENSE")
TEMPLATES = ("app.py", "README.md")  # of this folder, to the Space's root
CARD = "card.png"  # beside them
ALT = "A face before and after, which look the same, and the difference, amplified"
SPACES = "https://huggingface.co/spaces"
LARGEST = 10_000_000  # bytes of a file, unless it is named here with what needs it
NEEDED = {"engine/models/weights/face-recogniser.safetensors": "the cloak's recogniser"}
PYTHON = "3.12"  # of the Space; ZeroGPU has 3.12, ONNX Runtime needs 3.11 or newer
EXTRA = "demo"  # of this project, which needs others of it
TORCH_BELOW = "2.12"  # ZeroGPU offers 2.8 to 2.11


def stage(folder: Path, root: Path = ROOT, repo: str | None = None) -> list[Path]:
    """Write the Space into a folder, which must be empty or missing; returns its files.

    repo: where it will be, as OWNER/NAME; sites that show a link to it then show its card. Raises
    PublishError: the folder holds something, this is no git checkout, a file is too large.
    """
    if folder.exists() and any(folder.iterdir()):
        raise PublishError(f"{folder} is not empty: name an empty or a new folder")
    sources = {name: root / name for name in tracked(root)}
    sources |= {name: root / HERE / name for name in TEMPLATES}
    for name, source in sources.items():
        check_size(name, source.stat().st_size)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / name)
    gradio = installed("gradio")
    readme = folder / "README.md"
    text = readme.read_text().replace("{gradio}", gradio).replace("{python}", PYTHON)
    address = "" if repo is None else f"thumbnail: {SPACES}/{repo}/resolve/main/{CARD}\n"
    text = text.replace("{thumbnail}\n", address).replace("{picture}", f"![{ALT}]({CARD})")
    readme.write_text(text)
    (folder / CARD).write_bytes(draw_card())
    listing = folder / "requirements.txt"
    listing.write_text("\n".join(requirements(root / "pyproject.toml", gradio)) + "\n")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def tracked(root: Path) -> list[str]:
    """What git tracks of the rooms that run, without this folder. Raises PublishError."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *TAKEN], cwd=root, capture_output=True, check=False
    )
    names = [name for name in listed.stdout.decode().split("\0") if name]
    if not names:
        raise PublishError(f"{root} is no git checkout: stage from one, for what is tracked counts")
    return [name for name in names if not name.startswith(f"{HERE}/") and (root / name).is_file()]


def check_size(name: str, size: int) -> None:
    """Raise PublishError for a large file that nothing needs."""
    if size > LARGEST and name not in NEEDED:
        raise PublishError(
            f"{name} has {size:,} bytes, at most {LARGEST:,} go to the Space: leave it out of git, "
            "or say in demo/space/stage.py what needs it"
        )


def installed(package: str) -> str:
    """The version that is installed here. Raises PublishError."""
    try:
        return version(package)
    except PackageNotFoundError:
        raise PublishError(
            f"{package} is not installed: run pip install -e '.[demo]', for its version is pinned"
        ) from None


def requirements(pyproject: Path, gradio: str) -> list[str]:
    """One line per package, sorted: pyproject's dependencies and those of the demo's extra."""
    project = tomllib.loads(pyproject.read_text())["project"]
    lines = {}
    own = map(Requirement, project["dependencies"])
    for requirement in [*own, *requirements_of(EXTRA, project)]:
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        if requirement.name == "onnxruntime-gpu":
            continue
        if requirement.name == "gradio":
            limits = f"=={gradio}"
        elif requirement.name == "torch":
            limits = f"{requirement.specifier},<{TORCH_BELOW}"
        else:
            limits = str(requirement.specifier)
        lines[requirement.name] = f"{requirement.name}{extras}{limits}"
    return sorted(lines.values())


def requirements_of(extra: str, project: dict) -> list[Requirement]:
    """The requirements of an extra; where it names the project, those of the extras it names."""
    requirements = []
    for line in project["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == project["name"]:  # on no index: the Space has the sources
            for other in sorted(requirement.extras):
                requirements += requirements_of(other, project)
        else:
            requirements.append(requirement)
    return requirements
