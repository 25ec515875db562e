"""Real pictures that are already installed: scikit-image's, all free to show (CC0 or NASA)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ..errors import ImageError

NAMES = ("chelsea.png", "rocket.jpg", "coffee.png", "astronaut.png")


def sample_paths() -> list[Path]:
    """The sample pictures' files. Raises ImageError where scikit-image is not installed."""
    package = find_spec("skimage")
    if package is None:
        raise ImageError("scikit-image is not installed: run pip install scikit-image")
    folder = Path(package.submodule_search_locations[0]) / "data"
    paths = [folder / name for name in NAMES]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise ImageError(f"scikit-image lacks {', '.join(missing)}: install a newer scikit-image")
    return paths
