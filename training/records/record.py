"""The committed results: one JSON per experiment, with all that is needed to trust a number."""

from __future__ import annotations

import json
import platform
import re
from importlib.metadata import version
from pathlib import Path

import torch

from engine.system.files import write_text
from engine.system.threads import available_cores

RESULTS = Path(__file__).parents[1] / "results"
ON_ONE_LINE = ("decided_by", "made_with", "per_photo", "train_rca", "rca_per_classifier")
PACKAGES = ("torch", "onnx", "onnxruntime-gpu", "onnxruntime", "numpy", "pillow")
PACKAGES += ("scikit-image", "scipy", "cvvdp", "piq", "dlib-bin", "ray")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a number."""
    numbers = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            numbers[package] = version(package)
        except ModuleNotFoundError:  # PackageNotFoundError: not installed here
            continue
    return numbers


def hardware() -> str:
    """Processor, the widest instructions it has that PyTorch uses, and this process's cores."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{model} ({torch.backends.cpu.get_cpu_capability()}), {available_cores()} cores"


def card() -> dict[str, str | int | None]:
    """The GPU, where there is one, its software, and the threads that PyTorch uses."""
    cuda = torch.cuda.is_available()
    return {
        "card": torch.cuda.get_device_name() if cuda else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "cores": torch.get_num_threads(),
    }


def thinned(rows: list[dict], count: int) -> list[dict]:
    """At most so many rows at equal distances, the first and the last among them."""
    if len(rows) <= count:
        return rows
    step = (len(rows) - 1) / (count - 1)
    return [rows[round(number * step)] for number in range(count)]


def write(
    name: str,
    *,
    command: str,
    data: str,
    weights: dict[str, str],
    sections: dict,
    folder: Path | None = None,
) -> Path:
    """Write RESULTS/NAME.json: how, on what, where and of which files it was measured, and what.

    weights: file name -> sha256; folder: another than RESULTS. Sections that name the hardware and
    the versions, because they were not all measured here and now, have it.
    """
    path = (folder or RESULTS) / f"{name}.json"
    whole = {
        "command": command,
        "data": data,
        "hardware": hardware(),
        "versions": versions(),
        "weights": weights,
        **sections,
    }
    write_json(path, whole)
    return path


def write_json(path: Path, value: object) -> None:
    """`indented`, to a file that is whole or as it was."""
    write_text(path, indented(value) + "\n")


def indented(value: object) -> str:
    """As JSON, what `ON_ONE_LINE` names on one line each."""
    lines: list[str] = []

    def folded(part: object) -> object:
        if isinstance(part, list):
            return [folded(each) for each in part]
        if not isinstance(part, dict):
            return part
        return {
            key: fold(each) if key in ON_ONE_LINE else folded(each) for key, each in part.items()
        }

    def fold(part: object) -> str:
        lines.append(json.dumps(part, ensure_ascii=False))
        return f"\0{len(lines) - 1}"

    whole = json.dumps(folded(value), indent=2, ensure_ascii=False)
    return re.sub(r'"\\u0000(\d+)"', lambda found: lines[int(found[1])], whole)


def published(name: str, folder: Path | None = None) -> dict:
    """RESULTS/NAME.json as it is, or nothing. folder: another than RESULTS."""
    path = (folder or RESULTS) / f"{name}.json"
    return read_json(path) if path.is_file() else {}


def read_json(path: Path) -> dict:
    return json.loads(path.read_text())
