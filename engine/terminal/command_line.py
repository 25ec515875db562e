"""A command line made of frozen dataclasses: a field is an option, its metadata are the help.

    @dataclass(frozen=True)
    class ResizeOptions:
        width: int = option(640, "pixels across", metavar="N")

    parser = new_parser("resize", "Makes pictures smaller.", ["--width 320"])
    add_options(parser, ResizeOptions)
    options = options_from(parser.parse_args(), ResizeOptions)

Why not tyro 1.0.17, a well-kept generator of the same kind: `cloak --help` took 0.25 s with it and
0.07 s with ours (medians of nine on one machine); it brings three more packages (277 KB of wheels,
1.0 MB unpacked); its errors are boxes of several lines where ours are one line, it takes no
abbreviated options, and it has no place for the examples at the end of a help.
"""

from __future__ import annotations

import argparse
import inspect
import textwrap
from collections.abc import Iterable
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Options = TypeVar("Options")


@dataclass(frozen=True, kw_only=True)
class Command:
    """One of the commands of a program.

    options: a dataclass, or None. help: its line in the program's help. examples: what to type
    after the program's name. description: the beginning of its own help; without one, the line.
    """

    name: str
    options: type | None
    help: str
    examples: tuple[str, ...]
    description: str = ""


def new_parser(
    program: str, description: str, lines: Iterable[str], *, laid_out: bool = False
) -> argparse.ArgumentParser:
    """A parser whose help ends with examples: the program's name followed by each of the lines.

    laid_out: the description keeps its line breaks.
    """
    return argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=examples(program, *lines),
        formatter_class=Manual if laid_out else Help,
    )


def add_command(
    commands: argparse._SubParsersAction, program: str, row: Command
) -> argparse.ArgumentParser:
    """The command's parser, with its options; what it parses has the row as `.command`."""
    parser = commands.add_parser(
        row.name,
        help=row.help,
        description=row.description or f"{row.help[0].upper()}{row.help[1:]}.",
        epilog=examples(program, *row.examples),
        formatter_class=Help,
    )
    parser.set_defaults(command=row)
    if row.options is not None:
        add_options(parser, row.options)
    return parser


# --- options ---


def option(
    default: object = MISSING,
    help: str | None = None,
    *,
    choices: tuple[str, ...] | None = None,
    metavar: str | None = None,
    operand: bool = False,
    former: str | None = None,
    repeated: bool = False,
    alone: str | None = None,
) -> Any:
    """A field of a dataclass of options.

    default: without one the option is required; a number, a word or a path is named at the end of
    the help. operand: given by its place instead of by `--name`. former: an earlier name, such as
    "--old", which goes on working and is in no help. repeated: a tuple whose values are given one
    by one, the option before each. alone: its value where it is given without one.
    """
    if help and isinstance(default, (float, int, str, Path)) and not isinstance(default, bool):
        help += f" (default: {f'{default:g}' if isinstance(default, float) else default})"
    keywords = {"help": help, "choices": choices, "metavar": metavar}
    return field(
        default=default,
        metadata={
            "keywords": {name: value for name, value in keywords.items() if value is not None},
            "operand": operand,
            "former": former,
            "repeated": repeated,
            "alone": alone,
        },
    )


def add_options(parser: argparse._ActionsContainer, options: type) -> None:
    """One argument per field of a dataclass: its own fields first, then those of its bases.

    parser: or a group of one. Types: bool, which makes a flag; int, float, str and Path; one of
    them or None; tuples of them. A field that is not made by `option` has its default as its help.
    """
    types = get_type_hints(options)
    remaining = {item.name: item for item in fields(options)}
    for owner in options.__mro__:
        for name in inspect.get_annotations(owner):
            if name in remaining:
                _add_option(parser, remaining.pop(name), types[name])


def _add_option(parser: argparse._ActionsContainer, item: Field, kind: Any) -> None:
    """The argument of one field. kind: the field's type."""
    keywords = dict(item.metadata.get("keywords", {"help": f"default: {item.default}"}))
    required = item.default is MISSING
    if not required:
        keywords["default"] = item.default
    if kind is bool:
        keywords["action"] = "store_true"
    else:
        keywords["type"], keywords["nargs"] = _values(kind)
    if item.metadata.get("repeated"):
        keywords |= {"action": "append", "nargs": None, "default": list(item.default)}
    if item.metadata.get("alone"):
        keywords |= {"nargs": "?", "const": item.metadata["alone"]}
    if item.metadata.get("operand"):
        if not required:
            keywords["nargs"] = "?" if keywords["nargs"] is None else "*"
        parser.add_argument(item.name, **keywords)
        return
    parser.add_argument("--" + item.name.replace("_", "-"), **keywords).required = required
    if former := item.metadata.get("former"):
        parser.add_argument(former, dest=item.name, **keywords | {"help": argparse.SUPPRESS})


def _values(kind: Any) -> tuple[type, int | str | None]:
    """The type of one value, and how many there are, as argparse's `nargs`."""
    if NoneType in get_args(kind):
        kind = next(each for each in get_args(kind) if each is not NoneType)
    if get_origin(kind) is not tuple:
        return kind, None
    first, *others = get_args(kind)
    return first, "+" if others == [Ellipsis] else 1 + len(others)


def options_from(parsed: argparse.Namespace, options: type[Options]) -> Options:
    """The dataclass that a command line with `add_options` describes."""
    values = {item.name: getattr(parsed, item.name) for item in fields(options)}
    return options(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


# --- helps ---

EXAMPLES = "examples:"
Manual = argparse.RawDescriptionHelpFormatter  # a description that is laid out already


class Help(Manual):
    """Descriptions filled as usual, the examples at the end as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(EXAMPLES):
            return super()._fill_text(text, width, indent)
        return textwrap.fill(" ".join(text.split()), width, initial_indent=indent)


def examples(program: str, *lines: str) -> str:
    """The end of a help: commands to copy."""
    typed = [f"  {program} {line}".rstrip() for line in lines]
    return "\n".join([EXAMPLES, *typed]).replace("%", "%%")
