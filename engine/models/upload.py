"""A folder to a repository of the Hugging Face Hub: first a plan that can be read, then one commit.

Nothing is sent before `publish`. The token is the client's (HF_TOKEN, or `hf auth login`); a
version that was published does not move.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import PublishError
from .locate import sha256_of

if TYPE_CHECKING:
    from huggingface_hub import HfApi

KEPT = {".gitattributes"}  # made by the Hub: which files are large


@dataclass(frozen=True)
class Upload:
    """One file: its path in the repository, where it is, bytes, sha256."""

    path: str
    source: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class Plan:
    """What `publish` would do.

    kind: "model" or "space"; tag: the version's name, or None; hardware: of a Space that is made
    anew, or None for the Hub's free one.
    """

    repo: str
    kind: str
    message: str
    files: tuple[Upload, ...]
    tag: str | None = None
    hardware: str | None = None


@dataclass(frozen=True)
class Published:
    """commit: 40 hexadecimal digits; changed: whether it was made now."""

    commit: str
    address: str
    changed: bool


def plan(
    folder: Path,
    repo: str,
    *,
    kind: str,
    message: str,
    tag: str | None = None,
    hardware: str | None = None,
) -> Plan:
    """Every file below the folder, for a repository. Raises PublishError for a wrong name."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise PublishError(f"{repo!r} is no repository: {error}; say ORG/NAME") from None
    if "/" not in repo:
        raise PublishError(f"{repo!r} does not say whose repository it is: say ORG/NAME")
    files = tuple(
        Upload(
            path.relative_to(folder).as_posix(),
            path,
            path.stat().st_size,
            sha256_of(path),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    if not files:
        raise PublishError(f"{folder} holds no files: nothing to publish")
    return Plan(repo, kind, message, files, tag, hardware)


def described(planned: Plan) -> str:
    """The plan in words: repository, message, tag, and each file's size, sha256 and path."""
    lines = [f"repository  {planned.repo} ({planned.kind})", f"message     {planned.message}"]
    if planned.tag:
        lines.append(f"tag         {planned.tag}")
    if planned.hardware:
        lines.append(f"hardware    {planned.hardware}, where the Space is made anew")
    lines += [f"{file.size:>12,}  {file.sha256}  {file.path}" for file in planned.files]
    lines.append(f"{sum(file.size for file in planned.files):>12,}  in {len(planned.files)} files")
    return "\n".join(lines)


def carry_out(planned: Plan, *, for_real: bool) -> Published | None:
    """Print the plan on stdout and, if for real, publish it; None where nothing was sent."""
    print(described(planned))
    if for_real:
        return publish(planned)
    print("dry run: nothing was sent; add --publish to publish", file=sys.stderr)
    return None


def publish(planned: Plan) -> Published:
    """Make the repository where it is missing, and its content exactly the plan's, in one commit.

    Raises PublishError without a token, where the Hub refuses, and where the tag is taken by
    other content.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError, HTTPError

    if not get_token():
        raise PublishError("no token: set HF_TOKEN or run `hf auth login`, then publish again")
    try:
        return _publish(HfApi(), planned)
    except HfHubHTTPError as error:
        raise PublishError(
            f"{planned.repo}: the Hub answered {error.response.status_code} "
            f"({error.server_message or type(error).__name__}): may the token write there?"
        ) from None
    except (HTTPError, RuntimeError) as error:  # on the way there; of one file
        raise PublishError(
            f"{planned.repo}: not finished ({error.__cause__ or error}): "
            "check the network and HF_ENDPOINT, then publish again"
        ) from None
    except ValueError as error:  # front matter that the Hub does not take
        raise PublishError(f"{planned.repo}: {error}") from None


def _publish(api: HfApi, planned: Plan) -> Published:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    repo, kind, tag = planned.repo, planned.kind, planned.tag
    address = api.create_repo(
        repo,
        repo_type=kind,
        exist_ok=True,
        space_sdk="gradio" if kind == "space" else None,
        space_hardware=planned.hardware,
    )
    tags = api.list_repo_refs(repo, repo_type=kind).tags if tag else []
    taken = next((ref.target_commit for ref in tags if ref.name == tag), None)
    there = remote(api, repo, kind, taken or "main")
    if taken:
        if not same(there, planned.files):
            raise PublishError(
                f"{repo} has a {tag}, commit {taken}, with other content, and a published version "
                "does not move: raise the version (engine/__init__.py), then publish again"
            )
        return Published(taken, str(address), changed=False)
    wanted = {file.path for file in planned.files}
    commit = api.create_commit(
        repo,
        [
            *(CommitOperationDelete(path) for path in sorted(set(there) - wanted)),
            *(CommitOperationAdd(file.path, file.source) for file in planned.files),
        ],
        commit_message=planned.message,
        repo_type=kind,
    )
    if tag:
        api.create_tag(repo, tag=tag, revision=commit.oid, repo_type=kind)
    return Published(commit.oid, str(address), changed=not same(there, planned.files))


def remote(api: HfApi, repo: str, kind: str, revision: str) -> dict[str, str]:
    """Path -> sha256 of each large file and git's name of each small one, at a revision."""
    from huggingface_hub import RepoFile

    tree = api.list_repo_tree(repo, recursive=True, revision=revision, repo_type=kind)
    files = [entry for entry in tree if isinstance(entry, RepoFile) and entry.path not in KEPT]
    return {file.path: file.lfs.sha256 if file.lfs else file.blob_id for file in files}


def same(there: dict[str, str], files: tuple[Upload, ...]) -> bool:
    """Whether the repository holds exactly these files."""
    return set(there) == {file.path for file in files} and all(
        there[file.path] in (file.sha256, blob(file.source)) for file in files
    )


def blob(path: Path) -> str:
    """Git's name of a file's content."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
