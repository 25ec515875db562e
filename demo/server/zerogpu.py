"""Hugging Face's ZeroGPU lends a GPU to one function at a time; elsewhere nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec


def borrow_gpu(duration: Callable[..., int]) -> Callable[[Callable], Callable]:
    """Decorator: run a function of the torch search on a borrowed GPU where there is one.

    duration: seconds to borrow it for, a function of the same arguments. `spaces` has to be
    imported before torch, which the handlers import when they are called.
    """
    if find_spec("spaces") is None:
        return lambda function: function
    import spaces

    return spaces.GPU(duration=duration)
