"""Thousands of hostile pictures: each is a picture, or one line of an error, at a bounded cost."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import absurd_pictures
import fuzz
import pytest
from hostile_pictures import corpus, mutant
from PIL import Image

from engine.commands import cli
from engine.errors import ImageError, printable
from engine.images.picture import FORMATS, decode

ROOT = Path(__file__).parents[1]
COUNT = 3000  # of mutants; `make fuzz` opens more
# What was found: libheif ends its errors with a line break, Pillow logs an error of TIFF.
ONCE_WRONG = (127, 128, 257, 299, 386, 640, 941)


def test_real_pictures_of_every_format_are_there():
    kinds = set()
    for name, data in corpus().items():
        assert decode(data).pixels.shape[2] == 3, name
        kinds.add(name.split()[0].upper())
    expected = set(FORMATS) & set(Image.OPEN) | {"MPO", "PGM", "PBM"}
    assert expected <= kinds


def test_mutants_are_the_same_every_time_and_most_are_still_taken_for_pictures():
    mutants = [mutant(0, number)[1] for number in range(200)]
    assert mutants == [mutant(0, number)[1] for number in range(200)]
    assert mutants != [mutant(1, number)[1] for number in range(200)]
    unknown = 0
    for data in mutants:
        try:
            decode(data)
        except ImageError as error:
            unknown += "not a picture we can read" in str(error)
    assert unknown < 50


def test_mutants_give_a_picture_or_one_line():
    found = [(each.number, each.what) for each in fuzz.faults(fuzz.MUTANT, 0, 0, COUNT)]
    assert found == []


def test_pictures_made_by_hand_to_cost_much_give_a_picture_or_one_line():
    count = len(absurd_pictures.by_hand())
    assert count > 100
    found = [(each.number, each.what) for each in fuzz.faults(fuzz.ABSURD, 0, 0, count)]
    assert found == []


@pytest.mark.parametrize("number", ONCE_WRONG)
def test_what_was_found_stays_mended(number, caplog, monkeypatch, capfd):
    monkeypatch.setattr(logging.getLogger("PIL"), "propagate", False)  # as without pytest
    assert fuzz.open_one(mutant(0, number)[1]) is None
    assert capfd.readouterr().err == ""


# --- that the search would find something ---

PRINTS = "import sys\nstart = int(sys.argv[4])\nprint('begun', start, flush=True)\n"
ACTIONS = {
    "dies": ("import os; os.abort()", "the process ended, with code -6"),
    "is silent": ("import time; time.sleep(60)", "the process ended, with code -9"),
    "prints": ("print('warning'); print('ended')", "printed: warning"),
    "is wrong": ("print('wrong slow'); print('ended')", "slow"),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_what_goes_wrong_is_noticed_and_the_rest_goes_on(action, tmp_path, monkeypatch):
    script = tmp_path / "opens.py"
    does, words = ACTIONS[action]
    script.write_text(f"{PRINTS}if start == 0: {does}\nelse: print('ended')\n")
    monkeypatch.setattr(fuzz, "__file__", str(script))
    monkeypatch.setattr(fuzz, "KILLED", 2)
    found = list(fuzz.faults(fuzz.MUTANT, 0, 0, 2))
    assert found == [fuzz.Fault(0, words)]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ImageError("NAME " + "x" * 600), "no line"),
        (ImageError("odd"), "without the name"),
        (ValueError("odd"), "raised ValueError"),
        (RecursionError(), "raised RecursionError"),
    ],
)
def test_an_error_that_is_no_line_is_noticed(error, words, monkeypatch):
    def failing(*_):
        raise error

    monkeypatch.setattr("engine.compress.original.from_file", failing)
    assert words in fuzz.open_one(b"")


def test_the_search_measures_memory_and_time():
    code = (
        "import fuzz, hostile_pictures, time\n"
        "def hungry(data):\n"
        "    global held\n"
        "    held = bytearray(1_300_000_000); held[::4096] = b'x' * len(held[::4096]); del held\n"
        "fuzz.open_one, fuzz.SECONDS = hungry, 0.01\n"
        "hostile_pictures.corpus = lambda: {}\n"
        "fuzz.makers = lambda: {'mutant': lambda *_: ('a', b'')}\n"
        "fuzz.child('mutant', 0, 0, 1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "tests",
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    begun, wrong, ended = done.stdout.splitlines()
    assert (begun, ended) == ("begun 0", "ended")
    assert " s " in wrong
    if Path("/proc/self/status").exists():
        assert " kB" in wrong


# --- one line, whatever is in it ---


@pytest.mark.parametrize("name", ["two\nlines.png", "red\x1b[31m.png", "bell\a.png", "back\r.png"])
def test_a_files_name_cannot_write_on_the_terminal(name, tmp_path, capsys):
    (tmp_path / name).write_bytes(b"no picture")
    assert cli.main(["human", str(tmp_path / name), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 2  # that of the picture, and how many were refused
    assert error.replace("\n", "").isprintable()


def test_the_kind_of_a_chunk_cannot_either():
    data = corpus()["png"]
    named = b"\0\0\0\0a\x1b\x07\x9b\0\0\0\0"  # of a chunk that is not needed
    (note,) = decode(data[:33] + named + data[33:]).notes
    assert note == r"a\x1b\x07\x9b ignored: wrong checksum"


def test_printable_text_stays_as_it_is():
    assert printable("Ünï × 漢字 …") == "Ünï × 漢字 …"
    assert printable("a\r\nb\n") == "a b"
    assert printable("\x9b\u202e\udce9") == r"\x9b\u202e\udce9"
