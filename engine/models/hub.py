"""One file from the Hugging Face Hub, at a pinned revision; the content is checked by the caller.

The client's own settings hold: HF_ENDPOINT, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import WeightsError


def cached(repo: str, file: str, revision: str) -> Path | None:
    """The file in the client's cache, or None; no request is made."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repo, file, revision=revision)
    return Path(path) if isinstance(path, str) else None


def fetch(repo: str, file: str, revision: str, *, again: bool = False) -> Path:
    """The file from the Hub, through the client's cache; again: also where the cache has one.

    Raises WeightsError with the command that gets it where there is a network.
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
    try:
        return Path(hf_hub_download(repo, file, revision=revision, force_download=again))
    except LocalEntryNotFoundError as error:
        reason = error
    except (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError) as error:
        raise WeightsError(
            f"the Hub ({constants.ENDPOINT}) has no {file} in {repo} at {revision} that may be "
            f"read ({type(error).__name__}): check HF_ENDPOINT and the token, or {directory}"
        ) from None
    except (HTTPError, OSError, ValueError) as error:  # ValueError: `again`, but offline
        reason = error
    state = "damaged" if again else "missing"
    raise WeightsError(
        f"{file} is {state} in the cache ({constants.HF_HUB_CACHE}) and the Hub does not give it "
        f"({type(reason.__cause__ or reason).__name__}). Where there is a network, run: {command}; "
        f"or {directory}"
    ) from None
