"""Hugging Face's ZeroGPU lends a GPU to one function at a time; elsewhere nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec


def lends_gpu() -> bool:
    """Whether this is such a place. The search then stays in the server, to which it is lent."""
    return find_spec("spaces") is not None


def borrow_gpu(duration: Callable[..., int]) -> Callable[[Callable], Callable]:
    """Decorator: run a function of the torch search on a borrowed GPU where there is one.

    duration: seconds to borrow it for, a function of the same arguments. `spaces` has to be
    imported before torch, which the handlers import when they are called.
    """
    if not lends_gpu():
        return lambda function: function
    import spaces

    return spaces.GPU(duration=duration)
