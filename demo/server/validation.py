"""Errors of the engine for a visitor: on the component at fault, or as a message of the page."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import wraps
from html import escape

import gradio as gr

from engine.errors import EngineError, UsageError

from .limits import Limits
from .uploads import Upload, open_upload


def show_errors(function: Callable) -> Callable:
    """Turn an EngineError of a handler, which may be a generator, into a message on the page."""

    def message(error: EngineError) -> gr.Error:
        return gr.Error(escape(str(error)), print_exception=False)

    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def steps(*arguments, **named):
            try:
                yield from function(*arguments, **named)
            except EngineError as error:
                raise message(error) from None

        return steps

    @wraps(function)
    def call(*arguments, **named):
        try:
            return function(*arguments, **named)
        except EngineError as error:
            raise message(error) from None

    return call


def validator(limits: Limits, **checks: Callable[[Upload], object] | None) -> Callable:
    """A validator for an event whose first inputs are uploads, in this order.

    checks: for each upload what is checked beyond opening it, a function that raises EngineError,
    or None. An error is shown on the upload that caused it; all other inputs pass.
    """

    def validate(*values) -> dict | list[dict]:
        results = []
        for value, check in zip(values, checks.values(), strict=False):
            try:
                picture = open_upload(value, limits)
                if check is not None:
                    check(picture)
                results.append(gr.validate(True, ""))
            except EngineError as error:
                results.append(gr.validate(False, str(error)))
        results += [gr.validate(True, "")] * (len(values) - len(results))
        return results if len(results) > 1 else results[0]  # what Gradio expects of a single input

    return validate


def to_number(value: object, name: str) -> float:
    """A finite number as sent by a page or a program. Raises UsageError."""
    try:
        parsed = float(value)
    except (TypeError, ValueError, OverflowError):
        parsed = math.nan
    if not math.isfinite(parsed):
        raise UsageError(f"{name} {str(value)[:40]!r}: give a number")
    return parsed


def to_integer(value: object, name: str) -> int:
    """A whole number. Raises UsageError."""
    parsed = to_number(value, name)
    if parsed != int(parsed):
        raise UsageError(f"{name} {parsed:g}: give a whole number")
    return int(parsed)
