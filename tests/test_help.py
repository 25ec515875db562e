"""Every command's help, and what it says of arguments that are missing or too many."""

from __future__ import annotations

import importlib

import pytest

from engine.commands.cli import COMMANDS, GROUPS, PictureCommand


def typed(row: PictureCommand) -> tuple[str, ...]:
    """What is typed for a command, after the program's name."""
    return (row.name,) if row.group is None else (row.group, row.name)


ENGINE = [(), ("samples",), *((name,) for name in GROUPS), *(typed(row) for row in COMMANDS)]
TRAINING = ("classifiers", "generator", "human", "calibrate", "evaluate", "recogniser")
HELPS = [
    *(("engine", arguments) for arguments in ENGINE),
    *(("training", arguments) for arguments in [(), *((job,) for job in TRAINING)]),
    *(("training", arguments) for arguments in [("figures",), ("tables",)]),
    *(("export", arguments) for arguments in [(), ("cards",), ("push",)]),
    ("demo", ()),
    *(("demo.space", arguments) for arguments in [(), ("stage",), ("push",)]),
]


def run(module: str, *arguments: str) -> int:
    """The exit code of `python -m MODULE …`."""
    main = importlib.import_module(f"{module}.__main__").main
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return ended.value.code or 0


@pytest.mark.parametrize(("module", "arguments"), HELPS)
def test_a_help_ends_with_examples(module, arguments, capsys):
    assert run(module, *arguments, "--help") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    _, _, end = captured.out.partition("\nexamples:\n")
    lines = end.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith(f"  python -m {module}") for line in lines)


OPERANDS = {typed(row): len(row.operands) for row in COMMANDS}
WRONG = [
    ("engine", ()),
    ("engine", ("nonsense",)),
    ("engine", ("samples", "surplus")),
    *(("engine", (name,)) for name in GROUPS),
    *(("engine", names) for names in OPERANDS),
    *(("engine", (*names, "a.png", "--nonsense")) for names in OPERANDS),
    *(("engine", (*names, "a.png")) for names, count in OPERANDS.items() if count == 2),
    *(("engine", (*names, "a", "b", "c")) for names, count in OPERANDS.items() if count == 2),
    ("engine", ("human", "a.png", "--level", "much")),
    ("training", ()),
    ("training", ("nonsense",)),
    ("training", ("evaluate",)),
    ("training", ("figures", "surplus")),
    ("export", ("nonsense",)),
    ("export", ("push",)),
    ("demo", ("surplus",)),
    ("demo", ("--port", "many")),
    ("demo.space", ()),
    ("demo.space", ("push",)),
]


@pytest.mark.parametrize(("module", "arguments"), WRONG)
def test_wrong_arguments_are_a_usage_and_one_line(module, arguments, capsys):
    assert run(module, *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: ")
    assert captured.err.splitlines()[-1].partition(": ")[2].startswith("error: ")
    assert "Traceback" not in captured.err
