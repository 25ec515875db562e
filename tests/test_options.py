"""Options made from dataclasses, and the earlier name of one."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from engine.commands import cli
from engine.commands.options import CloakOptions, Options
from engine.terminal.command_line import add_options, new_parser, option, options_from


@dataclass(frozen=True)
class Shared:
    loud: bool = option(False, "print more")


@dataclass(frozen=True, kw_only=True)
class Given(Shared):
    pictures: tuple[str, ...] = option((), "files", metavar="FILE", operand=True)
    width: int = option(help="pixels")
    scale: float = option(2.0, "factor")
    seed: int = option(0, "of the noise")
    level: float | None = option(None, "noise")
    place: Path | None = option(None, "folder")
    range: tuple[float, float] = (0.3, 1.4)
    only: tuple[str, ...] | None = option(None, "names")
    tone: str = option("soft", "which", choices=("soft", "hard"), former="--sound")


def parse(line: str, options: type = Given):
    parser = new_parser("given", "Made of a dataclass.", ["--width 3"])
    add_options(parser, options)
    return options_from(parser.parse_args(line.split()), options)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--width 3", Given(width=3)),
        ("a b --width 3 --loud", Given(width=3, pictures=("a", "b"), loud=True)),
        ("--width 3 --scale 1 --level 0.5", Given(width=3, scale=1.0, level=0.5)),
        ("--width 3 --place out --seed 4", Given(width=3, place=Path("out"), seed=4)),
        ("--width 3 --range 1 2 --only x y", Given(width=3, range=(1.0, 2.0), only=("x", "y"))),
        ("--width 3 --tone hard", Given(width=3, tone="hard")),
        ("--width 3 --sound hard", Given(width=3, tone="hard")),
    ],
)
def test_a_command_line_becomes_the_dataclass(line, expected):
    result = parse(line)
    assert result == expected
    for item in fields(result):
        assert type(getattr(result, item.name)) is type(getattr(expected, item.name))


@pytest.mark.parametrize(
    "line", ["", "--width x", "--width 3 --range 1", "--width 3 --tone mild", "--width 3 --only"]
)
def test_what_does_not_fit_the_types_is_refused(line, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(line)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("given: error: ")


def test_a_help_names_defaults_and_no_earlier_names():
    parser = argparse.ArgumentParser()
    add_options(parser, Given)
    text = parser.format_help()
    for words in ("factor (default: 2)", "of the noise (default: 0)", "which (default: soft)"):
        assert words in text
    assert "--sound" not in text
    assert text.index("--tone") < text.index("--loud")  # what is shared comes last


def test_every_command_has_the_shared_options():
    for row in cli.COMMANDS:
        assert issubclass(row.options, Options), row.name


@pytest.mark.parametrize(
    ("name", "robust"), [("--robust", True), ("--lasting", True), (None, False)]
)
def test_a_robust_cloak_by_its_name_and_by_its_earlier_one(name, robust, monkeypatch):
    given = []
    monkeypatch.setattr("engine.commands.cloak.run", lambda images, options: given.append(options))
    cli.main(["cloak", "me.jpg", *([name] if name else [])])
    assert given == [CloakOptions(robust=robust)]


def test_the_help_of_cloak_names_robust_only(capsys):
    with pytest.raises(SystemExit):
        cli.main(["cloak", "--help"])
    text = capsys.readouterr().out
    assert "--robust" in text
    assert "--exact" in text
    assert "lasting" not in text
