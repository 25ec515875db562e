"""Files out: all of a result or nothing."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from .errors import OutputError


def check_folder(folder: Path) -> None:
    """Raise OutputError where files cannot come into a folder; it, or a parent, need not exist.

    For a word before long work: nothing is made, and what only writing shows is left to writing.
    """
    way = (folder, *folder.absolute().parents)
    nearest = next(place for place in way if os.path.exists(place))
    if not nearest.is_dir():
        raise unwritable(nearest, "not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise unwritable(nearest, "no permission")


def unwritable(place: object, reason: object) -> OutputError:
    return OutputError(f"{place} cannot be written ({reason}): choose another --out")


def write_files(files: dict[Path, bytes]) -> None:
    """Write all files or none: each under a temporary name first, then renamed.

    Older files of these names are replaced. Where one cannot be written, those already renamed
    are removed again and nothing half-written is left. Raises OutputError.
    """
    staged: dict[Path, Path] = {}
    done: list[Path] = []
    whole = False
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
            with temporary.open("xb") as stream:
                staged[temporary] = path
                stream.write(data)
        for temporary, path in staged.items():
            os.replace(temporary, path)
            done.append(path)
        whole = True
    except (OSError, ValueError) as error:
        place = getattr(error, "filename2", None) or getattr(error, "filename", None)
        reason = getattr(error, "strerror", None) or error
        raise unwritable(place or "the output", reason) from None
    finally:  # also when interrupted
        for path in staged if whole else [*staged, *done]:
            path.unlink(missing_ok=True)
