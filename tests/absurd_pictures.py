"""Files made by hand to cost much: sizes out of the world, bombs, and what contains itself."""

from __future__ import annotations

import struct
import zlib
from functools import cache

from hostile_pictures import SIGNATURE, animated, corpus, photograph, saved, with_checksums
from PIL import Image

HUGE = (0, 65_535, 1_000_000, (1 << 31) - 1, (1 << 32) - 1)


def absurd(seed: int, number: int) -> tuple[str, bytes]:
    """One of the pictures made by hand, by its number, whatever the seed."""
    pictures = by_hand()
    name = list(pictures)[number % len(pictures)]
    return name, pictures[name]


@cache
def by_hand() -> dict[str, bytes]:
    """Name -> the bytes of a file."""
    return sizes() | bombs() | circles() | {"nothing": b"", "zeros": bytes(1 << 20)}


def sizes() -> dict[str, bytes]:
    """Real pictures of every format that say they are as large as can be said."""
    pictures, found = corpus(), {}
    for size in HUGE:
        at16, at24 = size & 0xFFFF, size & 0xFFFFFF
        for order in (">", "<"):
            pair = struct.pack(order + "II", size, size)
            found[f"png {size} {order}"] = with_checksums(put(pictures["png"], 16, pair))
            found[f"bmp {size} {order}"] = put(pictures["bmp"], 18, pair)
        for kind in ("avif", "avif animated", "heic", "heic alpha"):
            if kind in pictures:
                data, pair = pictures[kind], struct.pack(">II", size, size)
                found[f"{kind} {size}"] = put(data, data.index(b"ispe") + 8, pair)
        for kind in ("gif", "gif animated"):
            found[f"{kind} {at16}"] = put(pictures[kind], 6, struct.pack("<HH", at16, at16))
        canvas = at24.to_bytes(3, "little") * 2
        found[f"webp {size}"] = put(pictures["webp animated"], 24, canvas)
        for kind, marker in (("jpeg", b"\xff\xc0"), ("jpeg progressive", b"\xff\xc2")):
            at = pictures[kind].index(marker) + 5
            found[f"{kind} {size}"] = put(pictures[kind], at, struct.pack(">HH", at16, at16))
        for kind in ("tiff raw", "tiff jpeg", "tiff fax", "tiff tiff_lzw"):
            found[f"{kind} {size}"] = tag_values(pictures[kind], {256: size, 257: size})
            found[f"{kind} rows {size}"] = tag_values(pictures[kind], {278: size, 277: size})
        found[f"ppm {size}"] = b"P6 %d %d 255\n" % (size, size) + bytes(100)
        found[f"ppm levels {size}"] = b"P6 4 4 %d\n" % size + bytes(100)
    found["bmp negative"] = put(pictures["bmp"], 22, struct.pack("<i", -(1 << 31)))
    found["ppm digits"] = b"P3 4 4 255\n" + b"9" * 1_000_000
    return found


def bombs() -> dict[str, bytes]:
    """Small files that would become large."""
    zeros = zlib.compress(bytes(200_000_000), 1)
    head = struct.pack(">IIBBBBB", 8_000, 8_000, 8, 2, 0, 0, 0)
    frames = animated(photograph(), "PNG")
    return {
        "png inflated": png(head, chunk(b"IDAT", zeros)),
        "png one row": png(head[:4] + struct.pack(">I", 1) + head[8:], chunk(b"IDAT", zeros)),
        "png text": png(head, chunk(b"zTXt", b"Comment\0\0" + zeros), chunk(b"IDAT", zeros)),
        "png profile": png(head, chunk(b"iCCP", b"p\0\0" + zeros), chunk(b"IDAT", zeros)),
        "png frames": with_checksums(frames.replace(b"acTL\0\0\0\3", b"acTL\xff\xff\xff\xff")),
        "gif pictures": many_pictures(200_000),
        "tiff inflated": saved(Image.new("1", (8_900, 8_900)), "TIFF", compression="group4"),
    }


def many_pictures(count: int) -> bytes:
    """A GIF of so many pictures of one pixel."""
    data = saved(Image.new("L", (1, 1)), "GIF", save_all=True)
    start = data.index(b",\0\0\0\0")
    return data[:start] + data[start:-1] * count + b";"


def circles() -> dict[str, bytes]:
    """Files in which something leads back to itself."""
    pictures = corpus()
    tiff = pictures["tiff raw"]
    first = struct.unpack("<I", tiff[4:8])[0]
    count = struct.unpack("<H", tiff[first : first + 2])[0]
    found = {
        "tiff next": put(tiff, first + 2 + 12 * count, struct.pack("<I", first)),
        "tiff inside": tag_values(tiff, {278: first}, {278: 0x8769}),
        "tiff head": put(tiff, 4, struct.pack("<I", 2)),
    }
    mpo = pictures["mpo"]
    found["mpo offsets"] = mpo.replace(mpo[mpo.index(b"MPF\0") + 4 :][:80], bytes(80))
    for kind in ("heic alpha", "avif told"):
        data = pictures.get(kind, b"")
        at = data.find(b"auxl")
        if at > 0:  # an item that is the alpha channel of itself
            found[f"{kind} of itself"] = put(data, at + 8, data[at + 4 : at + 6])
        if b"dimg" in data or b"pitm" in data:
            at = data.index(b"pitm")
            found[f"{kind} main"] = put(data, at + 8, b"\0\2")
    box = b"\0\0\0\x10meta" * 50_000
    found["heic boxes"] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + box
    found["avif boxes"] = b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + box
    return found


def put(data: bytes, at: int, part: bytes) -> bytes:
    return data[:at] + part + data[at + len(part) :]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + bytes(4)


def png(head: bytes, *chunks: bytes) -> bytes:
    whole = (chunk(b"IHDR", head), *chunks, chunk(b"IEND", b""))
    return with_checksums(SIGNATURE + b"".join(whole))


def tag_values(data: bytes, values: dict[int, int], names: dict[int, int] | None = None) -> bytes:
    """A little-endian TIFF with other values of tags of its first directory, or other names."""
    whole = bytearray(data)
    first = struct.unpack("<I", data[4:8])[0]
    count = struct.unpack("<H", data[first : first + 2])[0]
    for at in range(first + 2, first + 2 + 12 * count, 12):
        tag = struct.unpack("<H", data[at : at + 2])[0]
        if tag in values:
            whole[at + 2 : at + 12] = struct.pack("<HII", 4, 1, values[tag])
        if names and tag in names:
            whole[at : at + 2] = struct.pack("<H", names[tag])
    return bytes(whole)
