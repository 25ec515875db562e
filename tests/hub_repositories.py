"""What a Hugging Face Hub holds, in memory: repositories, commits, tags, a store of large files.

Every content is checked against its sha256. `loopback_hub` serves it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field

import yaml

LARGE = (".onnx", ".safetensors", ".png", ".jpg")
INLINE = 1_000_000  # bytes; larger files go to the store whatever their name
ATTRIBUTES = b"*.onnx filter=lfs diff=lfs merge=lfs -text\n"


class RefusedError(Exception):
    """An answer that is no success: status, the Hub's error code, message."""

    def __init__(self, status: int, code: str = "", message: str = ""):
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Stored:
    """One file of a commit."""

    content: bytes
    large: bool

    @property
    def name(self) -> str:
        """Git's name of the blob, which for a large file is that of its pointer."""
        content = self.content
        if self.large:
            content = f"oid sha256:{self.sha256}\nsize {len(self.content)}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class Repository:
    """Commits in order, each all its files by path, and tags."""

    kind: str
    settings: dict
    commits: dict[str, dict[str, Stored]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def add(self, files: dict[str, Stored]) -> str:
        """Commit all the files of the new state; returns the hash."""
        seed = repr((list(self.commits), sorted((p, f.sha256) for p, f in files.items())))
        oid = hashlib.sha1(seed.encode()).hexdigest()
        self.commits[oid] = files
        return oid

    def at(self, revision: str) -> tuple[str, dict[str, Stored]]:
        oid = list(self.commits)[-1] if revision == "main" else self.tags.get(revision, revision)
        if oid not in self.commits:
            raise RefusedError(404, "RevisionNotFound", f"no {revision}")
        return oid, self.commits[oid]


class LoopbackHub:
    """The server's state. address: its URL; requests: "METHOD PATH", in order.

    cdn: the URL of the store, which is another host to the client, as on the real Hub: it must not
    see the token.
    """

    def __init__(self) -> None:
        self.address = self.cdn = ""
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.store: dict[str, bytes] = {}
        self.requests: list[str] = []

    def repository(self, kind: str, name: str) -> Repository:
        if (kind, name) not in self.repositories:
            raise RefusedError(404, "RepoNotFound", f"no {kind} {name}")
        return self.repositories[kind, name]

    def files(self, name: str, revision: str = "main", kind: str = "model") -> dict[str, bytes]:
        _, files = self.repository(kind, name).at(revision)
        return {path: stored.content for path, stored in files.items()}

    def damage(self, name: str, path: str) -> None:
        """Change one byte of a large file in the store, ETag and size staying what they were."""
        _, files = self.repository("model", name).at("main")
        content = files[path].content
        self.store[files[path].sha256] = content[:-1] + bytes([content[-1] ^ 1])

    def mend(self, name: str, path: str) -> None:
        """Undo `damage`."""
        _, files = self.repository("model", name).at("main")
        self.store[files[path].sha256] = files[path].content

    # What each request does: arguments from the path, then the body; returns what is sent as JSON.

    def create(self, body: bytes) -> dict:
        asked = json.loads(body)
        kind, name = asked.get("type", "model"), f"{asked['organization']}/{asked['name']}"
        address = f"{self.address}/{'spaces/' if kind == 'space' else ''}{name}"
        if (kind, name) in self.repositories:
            raise RefusedError(409, "", json.dumps({"url": address}))
        self.repositories[kind, name] = repository = Repository(kind, asked)
        repository.add({".gitattributes": Stored(ATTRIBUTES, False)})
        return {"url": address}

    def validate(self, body: bytes) -> dict:
        asked = json.loads(body)
        parts = re.match(r"---\n(.*?)\n---\n", asked["content"], re.DOTALL)
        front = yaml.safe_load(parts[1]) if parts else None
        if not isinstance(front, dict) or "license" not in front:
            raise RefusedError(400, "", json.dumps({"errors": [{"message": "no license"}]}))
        return {"errors": [], "warnings": []}

    def preupload(self, kind: str, name: str, revision: str, body: bytes) -> dict:
        _, there = self.repository(kind, name).at(revision)
        return {
            "files": [
                {
                    "path": file["path"],
                    "uploadMode": "lfs"
                    if file["path"].endswith(LARGE) or file["size"] > INLINE
                    else "regular",
                    "shouldIgnore": False,
                    "oid": oid(there[file["path"]]) if file["path"] in there else None,
                }
                for file in json.loads(body)["files"]
            ]
        }

    def batch(self, prefix: str, name: str, body: bytes) -> dict:
        self.repository("space" if prefix else "model", name)
        asked = json.loads(body)
        assert asked["hash_algo"] == "sha256"
        assert "basic" in asked["transfers"]
        objects = []
        for wanted in asked["objects"]:
            hrefs = {
                "upload": f"{self.cdn}/store/{wanted['oid']}",
                "verify": f"{self.address}/verify",
            }
            actions = {name: {"href": href, "header": {}} for name, href in hrefs.items()}
            known = wanted["oid"] in self.store
            objects.append(wanted if known else wanted | {"actions": actions})
        return {"transfer": "basic", "objects": objects}

    def put(self, name: str, body: bytes) -> dict:
        if hashlib.sha256(body).hexdigest() != name:
            raise RefusedError(400, "", "the content is not of that sha256")
        self.store[name] = body
        return {}

    def verify(self, body: bytes) -> dict:
        asked = json.loads(body)
        if len(self.store.get(asked["oid"], b"")) != asked["size"]:
            raise RefusedError(404, "", "not in the store")
        return {}

    def commit(self, kind: str, name: str, revision: str, body: bytes) -> dict:
        repository = self.repository(kind, name)
        _, there = repository.at(revision)
        files = dict(there)
        for line in body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                files[value["path"]] = Stored(base64.b64decode(value["content"]), False)
            elif item["key"] == "lfsFile":
                files[value["path"]] = Stored(self.store[value["oid"]], True)
            elif item["key"] == "deletedFile":
                del files[value["path"]]
            else:
                assert item["key"] == "header", item
        made = repository.add(files)
        return {"commitUrl": f"{self.address}/{name}/commit/{made}", "commitOid": made}

    def tag(self, kind: str, name: str, revision: str, body: bytes) -> dict:
        repository = self.repository(kind, name)
        tag = json.loads(body)["tag"]
        if tag in repository.tags:
            raise RefusedError(409, "", f"{tag} is there")
        repository.tags[tag], _ = repository.at(revision)
        return {}

    def refs(self, kind: str, name: str) -> dict:
        repository = self.repository(kind, name)
        head, _ = repository.at("main")
        tags = [
            {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": made}
            for tag, made in repository.tags.items()
        ]
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": head}
        return {"branches": [main], "converts": [], "tags": tags}

    def tree(self, kind: str, name: str, revision: str) -> list[dict]:
        _, files = self.repository(kind, name).at(revision)
        entries = []
        for path, file in files.items():
            entry = {"type": "file", "path": path, "size": len(file.content), "oid": file.name}
            if file.large:
                large = {"oid": file.sha256, "size": len(file.content), "pointerSize": 134}
                entry["lfs"] = large
            entries.append(entry)
        return entries

    def information(self, kind: str, name: str, revision: str = "main") -> dict:
        made, files = self.repository(kind, name).at(revision)
        siblings = [{"rfilename": path} for path in files]
        return {"id": name, "sha": made, "siblings": siblings, "private": False, "tags": []}

    def resolve(self, prefix: str, name: str, revision: str, path: str) -> tuple[Stored, str]:
        made, files = self.repository("space" if prefix else "model", name).at(revision)
        if path not in files:
            raise RefusedError(404, "EntryNotFound", f"no {path}")
        return files[path], made


def oid(file: Stored) -> str:
    """What the preupload says of a file that is there, for the client to leave it out."""
    return file.sha256 if file.large else file.name
