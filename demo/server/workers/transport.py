"""Values from one process to the other, their arrays as they are in memory.

Arrays are read and written by the system while other threads go on: a copy of those of a large
photo, made by the interpreter, would hold up all visitors of the server for a moment.
"""

from __future__ import annotations

import io
import os
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler

PROTOCOL = 5  # the first with buffers beside the message


def send(connection: Connection, value: object) -> None:
    """Send a value. Raises OSError where nobody is at the other end."""
    message, buffers = io.BytesIO(), []
    ForkingPickler(message, PROTOCOL, True, buffers.append).dump(value)
    parts = [each.raw() for each in buffers]
    connection.send([each.nbytes for each in parts])
    connection.send_bytes(message.getbuffer())
    for part in parts:
        while part.nbytes:
            part = part[os.write(connection.fileno(), part) :]


def receive(connection: Connection) -> object:
    """The next value. Raises EOFError or OSError where nobody is at the other end any more."""
    sizes = connection.recv()
    message = connection.recv_bytes()
    parts = [bytearray(size) for size in sizes]
    for part in parts:
        left = memoryview(part)
        while left.nbytes:
            count = os.readv(connection.fileno(), [left])
            if not count:
                raise EOFError
            left = left[count:]
    return ForkingPickler.loads(message, buffers=parts)
