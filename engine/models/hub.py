"""One file from the Hugging Face Hub, at a pinned revision; the content is checked by the caller.

The client's own settings hold: HF_ENDPOINT, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN. The client
waits without end for a server that sends a byte now and then, or that lets it try again later,
writes to the disk whatever it is sent, and goes wherever it is led; here all three are bounded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..errors import WeightsError
from .addresses import ElsewhereError, still_watched, watch

PATIENCE = 120.0  # seconds, and those of the file's bytes at …
SLOWEST = 20_000  # … bytes per second
Result = TypeVar("Result")


class UnboundedError(Exception):
    """The Hub sends more than the file has, or goes on for too long: why."""


def cached(repo: str, file: str, revision: str) -> Path | None:
    """The file in the client's cache, or None; no request is made."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repo, file, revision=revision)
    return Path(path) if isinstance(path, str) else None


def fetch(repo: str, file: str, revision: str, size: int, *, again: bool = False) -> Path:
    """The file from the Hub, through the client's cache; again: also where the cache has one.

    size: of the file, in bytes. Raises WeightsError with the command that gets it where there is a
    network.
    """
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    command = f"hf download {repo} {file} --revision {revision}"
    if again:
        command += " --force-download"
    directory = "name a directory that holds it with --weights DIR"

    def download() -> str:
        bar = bounded_bar(size, watch(constants.ENDPOINT))
        return hf_hub_download(repo, file, revision=revision, force_download=again, tqdm_class=bar)

    try:
        return Path(within(PATIENCE + size / SLOWEST, download))
    except LocalEntryNotFoundError as error:
        reason = type(error.__cause__ or error).__name__
    except (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError) as error:
        raise WeightsError(
            f"the Hub ({constants.ENDPOINT}) has no {file} in {repo} at {revision} that may be "
            f"read ({type(error).__name__}): check HF_ENDPOINT and the token, or {directory}"
        ) from None
    except (UnboundedError, ElsewhereError) as error:
        reason = str(error)
    except (HTTPError, OSError, ValueError) as error:  # ValueError: `again`, but offline
        reason = type(error.__cause__ or error).__name__
    state = "damaged" if again else "missing"
    raise WeightsError(
        f"{file} is {state} in the cache ({constants.HF_HUB_CACHE}) and the Hub does not give it "
        f"({reason}). Where there is a network, run: {command}; or {directory}"
    ) from None


def bounded_bar(size: int, client: object) -> type:
    """The library's progress bar, which counts what is written; raises UnboundedError above size.

    client: the one that is watched; raises ElsewhereError where the bytes come by another.
    """
    from huggingface_hub.utils import tqdm

    class Bar(tqdm):
        taken = 0

        def update(self, n: float | None = 1) -> bool | None:
            still_watched(client)
            self.taken += n or 0
            if self.taken > size:
                raise UnboundedError(f"it sends more than the file's {size:,} bytes")
            return super().update(n)

    return Bar


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """What the work returns or raises; UnboundedError where it takes longer.

    It is then left to itself, and ends with the process at the latest.
    """
    results: list[Result] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=run, daemon=True, name="hub")
    thread.start()
    thread.join(seconds)
    if problems:
        raise problems[0]
    if not results:
        raise UnboundedError(f"not within {seconds:.0f} s")
    return results[0]
