"""Every command of the engine on pictures with metadata of all kinds, in a process of its own.

    python tests/every_command.py PICTURES OUT NAME,NAME… [OUT NAME,NAME…]

PICTURES has photo.jpg and face.jpg. Each command writes to OUT/NAME, its reports to
OUT/NAME.json. Whoever wants to open a connection, or looks
for a host, is named on the last line, "sockets: …".
"""

from __future__ import annotations

import socket
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

PHOTO, FACE = "photo.jpg", "face.jpg"
# Name of the run -> arguments; {photo}, {face} and {out} are filled in. In order: later ones read
# what earlier ones have written.
RUNS = {
    "machine": ["machine", "{photo}"],
    "machine-small": ["machine", "{photo}", "--panel", "cifar10", "--strength", "0.8"],
    "human": ["human", "{photo}", "--array"],
    "human-wu2017": ["human", "{photo}", "--model", "wu2017", "--seed", "3"],
    "compress": ["compress", "{photo}", "--panel", "cifar10"],
    "compress-webp": ["compress", "{photo}", "--panel", "cifar10", "--format", "webp"],
    "compress-avif": ["compress", "{photo}", "--panel", "cifar10", "--format", "avif"],
    "watermark": ["watermark", "embed", "{photo}", "--text", "ours"],
    "watermark-jpeg": ["watermark", "embed", "{photo}", "--text", "ours", "--format", "jpeg"],
    "watermark-webp": ["watermark", "embed", "{photo}", "--text", "ours", "--format", "webp"],
    "read": ["watermark", "read", "{out}/watermark/photo.watermarked.png"],
    "quality": ["quality", "{photo}", "{out}/machine/photo.distorted.png", "--machine"],
    "cloak": ["cloak", "{face}", "--exact", "--max-seconds", "100", "--figure"],
    "verify": ["verify", "{face}", "{out}/cloak/face.cloaked.jpg"],
}
WITHOUT_FILES = ("read", "quality", "verify")
# Formats that run the same code but for the last step: once more is enough for the others.
FORMATS = ("compress-webp", "compress-avif", "watermark-jpeg", "watermark-webp")
WITH_FACES = ("cloak", "verify")  # they need PyTorch or dlib
outside: list[str] = []


def watch(event: str, arguments: tuple) -> None:
    """Note whoever opens a connection to another machine, or asks for one's address."""
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        outside.append(f"{event} {arguments}")
    elif event in ("socket.connect", "socket.bind") and arguments[0].family != socket.AF_UNIX:
        outside.append(f"{event} {arguments[1]}")


def run_all(pictures: Path, out: Path, names: list[str]) -> None:
    from engine.commands import cli

    places = {"photo": pictures / PHOTO, "face": pictures / FACE, "out": out}
    for name in names:
        arguments = [each.format(**places) for each in RUNS[name]]
        if name not in WITHOUT_FILES:
            arguments += ["--out", str(out / name)]
        said = StringIO()
        with redirect_stdout(said):
            code = cli.main([*arguments, "--json"])
        assert code == 0, (name, code, said.getvalue())
        (out / f"{name}.json").write_text(said.getvalue())


if __name__ == "__main__":
    sys.addaudithook(watch)
    for out, names in zip(sys.argv[2::2], sys.argv[3::2], strict=True):
        Path(out).mkdir(parents=True, exist_ok=True)
        run_all(Path(sys.argv[1]), Path(out), names.split(","))
    print("sockets:", outside)
