"""Errors of the engine as a visitor meets them: on the component at fault, or as a message."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import wraps
from html import escape

import gradio as gr

from engine.errors import EngineError, UsageError

from .limits import Limits
from .uploads import Upload, opened


def told(function: Callable) -> Callable:
    """Turn an EngineError of a handler, which may be a generator, into a message on the page."""

    def refused(error: EngineError) -> gr.Error:
        return gr.Error(escape(str(error)), print_exception=False)

    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def steps(*arguments, **named):
            try:
                yield from function(*arguments, **named)
            except EngineError as error:
                raise refused(error) from None

        return steps

    @wraps(function)
    def call(*arguments, **named):
        try:
            return function(*arguments, **named)
        except EngineError as error:
            raise refused(error) from None

    return call


def checks(limits: Limits, **what: Callable[[Upload], object] | None) -> Callable:
    """A validator for an event whose first inputs are uploads, in this order.

    what: for each upload the check beyond opening it, which raises EngineError, or None. An
    error is shown on the upload that caused it; all other inputs pass.
    """

    def check(*values) -> dict | list[dict]:
        found = []
        for value, further in zip(values, what.values(), strict=False):
            try:
                picture = opened(value, limits)
                if further is not None:
                    further(picture)
                found.append(gr.validate(True, ""))
            except EngineError as error:
                found.append(gr.validate(False, str(error)))
        found += [gr.validate(True, "")] * (len(values) - len(found))
        return found if len(found) > 1 else found[0]  # what Gradio expects of a single input

    return check


def number(value: object, name: str) -> float:
    """A finite number as sent by a page or a program. Raises UsageError."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise UsageError(f"{name} {str(value)[:40]!r}: give a number")
    return found


def whole(value: object, name: str) -> int:
    """A whole number. Raises UsageError."""
    found = number(value, name)
    if found != int(found):
        raise UsageError(f"{name} {found:g}: give a whole number")
    return int(found)
