"""What runs in a worker: it does what it is given, and ends with the server."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from importlib import import_module
from inspect import isgenerator
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread

from engine.errors import EngineError
from engine.system.memory import return_free_memory, use_one_arena

from .. import preload
from .worker import END, ERROR, GO_ON, READY, STEP, Call

FIRST_OUT = "800"  # of 1000: where memory is short the system ends a worker, not the server


def serve(handle: int) -> None:
    """Do one piece of work after another until the server has ended. handle: of the line to it."""
    connection, orders = Connection(handle), SimpleQueue()
    use_one_arena()
    offer_to_be_ended()
    Thread(target=listen, args=(connection, orders), daemon=True).start()
    preload.load()
    connection.send(READY)
    while True:
        for answer in answers(orders.get(), orders):
            send(connection, answer)
        return_free_memory()


def listen(connection: Connection, orders: SimpleQueue) -> None:
    """Pass on what the server orders; end this process, whatever it is doing, when that ends."""
    while True:
        try:
            orders.put(connection.recv())
        except (EOFError, OSError):
            os._exit(0)


def answers(call: Call, orders: SimpleQueue) -> Iterator[tuple[str, object]]:
    """The steps of a call, each after the order to go on, and its end."""
    try:
        done = getattr(import_module(call.module), call.function)(*call.arguments, **call.named)
        if isgenerator(done):
            done = yield from steps(done, orders)
    except EngineError as error:
        yield ERROR, error
    except Exception as error:
        traceback.print_exc()
        yield ERROR, RuntimeError(f"{type(error).__name__} in {call.module}.{call.function}")
    else:
        yield END, done


def steps(work: Iterator, orders: SimpleQueue) -> Iterator[tuple[str, object]]:
    """What a generator yields, until it ends or is left; returns what it returns."""
    while True:
        try:
            value = next(work)
        except StopIteration as end:
            return end.value
        yield STEP, value
        if orders.get() != GO_ON:
            work.close()
            return None


def send(connection: Connection, answer: tuple[str, object]) -> None:
    try:
        connection.send(answer)
    except OSError:
        os._exit(0)  # the server has ended


def offer_to_be_ended() -> None:
    """On Linux alone."""
    try:
        with open("/proc/self/oom_score_adj", "w") as stream:
            stream.write(FIRST_OUT)
    except OSError:
        pass
