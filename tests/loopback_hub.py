"""A Hugging Face Hub on loopback, in memory: what the real client needs to publish and to pull.

It speaks the classic protocol (git LFS, no Xet): create repository, validate front matter,
preupload, LFS batch, upload and verify, commit, tag, refs, tree, and resolve with ETag,
X-Repo-Commit and X-Linked-*; large files are redirected to a store. Every content is checked
against its sha256; writing needs the token. Requests are recorded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

ROOT = Path(__file__).parents[1]
TOKEN = "hf_loopback"
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


NAME = r"([\w.-]+/[\w.-]+)"
API = rf"/api/(model|space)s/{NAME}"
# Method, path, whether it needs the token, what answers.
ROUTES: tuple[tuple[str, str, bool, Callable[..., dict | list]], ...] = (
    ("POST", "/api/repos/create", True, LoopbackHub.create),
    ("POST", "/api/validate-yaml", False, LoopbackHub.validate),
    ("POST", rf"{API}/preupload/([^/]+)", True, LoopbackHub.preupload),
    ("POST", rf"/(spaces/)?{NAME}\.git/info/lfs/objects/batch", True, LoopbackHub.batch),
    ("POST", "/verify", True, LoopbackHub.verify),
    ("POST", rf"{API}/commit/([^/]+)", True, LoopbackHub.commit),
    ("POST", rf"{API}/tag/([^/]+)", True, LoopbackHub.tag),
    ("GET", rf"{API}/refs", False, LoopbackHub.refs),
    ("GET", rf"{API}/tree/([^/]+)", False, LoopbackHub.tree),
    ("GET", rf"{API}/revision/([^/]+)", False, LoopbackHub.information),
    ("GET", API, False, LoopbackHub.information),
)
RESOLVE = re.compile(rf"/(spaces/)?{NAME}/resolve/([^/]+)/(.+)")


class Handler(BaseHTTPRequestHandler):
    """One request; `hub` is set on a subclass, one per server."""

    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        body = self.body()
        try:
            if found := RESOLVE.fullmatch(path):
                self.file(*self.hub.resolve(*found.groups()))
            elif found := re.fullmatch("/store/([0-9a-f]{64})", path):
                self.stored(found[1], body)
            else:
                self.json(self.routed(path, body))
        except RefusedError as refused:
            message = str(refused)
            content = message if message.startswith("{") else json.dumps({"error": message})
            self.send(refused.status, content.encode(), {"X-Error-Code": refused.code})

    def routed(self, path: str, body: bytes) -> dict | list:
        for method, pattern, guarded, function in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method == self.command:
                if guarded and self.headers["Authorization"] != f"Bearer {TOKEN}":
                    raise RefusedError(401, "", "Invalid credentials in Authorization header")
                content = (body,) if method != "GET" else ()
                return function(self.hub, *found.groups(), *content)
        raise RefusedError(404, "", f"this Hub does not know {self.command} {path}")

    def body(self) -> bytes:
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def file(self, file: Stored, commit: str) -> None:
        """Small files at once; large ones by a redirect to the store, with what they are."""
        headers = {"X-Repo-Commit": commit}
        if not file.large:
            self.send(200, file.content, headers | {"ETag": f'"{file.name}"'})
            return
        headers["X-Linked-Etag"] = f'"{file.sha256}"'
        headers["X-Linked-Size"] = str(len(file.content))
        headers["Location"] = f"{self.hub.cdn}/store/{file.sha256}"
        self.send(302, b"", headers)

    def stored(self, name: str, body: bytes) -> None:
        """The store's part; what is asked for there carries no token."""
        if self.headers["Authorization"]:
            raise RefusedError(400, "", "the token was sent to another host")
        if self.command == "PUT":
            self.json(self.hub.put(name, body))
        elif name in self.hub.store:
            self.send(200, self.hub.store[name], {"ETag": f'"{name}"'})
        else:
            raise RefusedError(404, "", "not in the store")

    def json(self, value: dict | list) -> None:
        self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = answer  # noqa: N815
    do_HEAD = answer  # noqa: N815
    do_POST = answer  # noqa: N815
    do_PUT = answer  # noqa: N815

    def log_message(self, *_):
        pass


@contextmanager
def loopback_hub():
    """A running `LoopbackHub`."""
    hub = LoopbackHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    hub.cdn = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def environment(address: str, home: Path, *, token: str | None = TOKEN) -> dict[str, str]:
    """Settings of the client for a process that shall speak to this Hub: own cache, no Xet."""
    settings = {
        "HF_ENDPOINT": address,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    return settings | ({"HF_TOKEN": token} if token else {})


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess:
    """A Python process in the repository with these settings and none of this machine's own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "JND_"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=inherited | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
