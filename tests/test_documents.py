"""The README files and their neighbours: links lead somewhere, tables stand once, sizes hold."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest

from engine import __version__
from training.results.tables import BLOCK, DOCUMENTS, TABLES

ROOT = Path(__file__).parents[1]
HOUSES = ("demo", "engine", "export", "training")
FRONT_PAGE_BYTES = 12_288
PAGES = sorted(
    [*ROOT.glob("*.md"), *(path for house in HOUSES for path in (ROOT / house).rglob("*.md"))]
)
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]*)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PATH = re.compile(r"[\w.-]+/[\w./-]*[\w-]\.(py|json|md|css)|\w+\.py")


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text())


def anchors(path: Path) -> set[str]:
    """The headings of a page as GitHub names them."""
    seen: Counter[str] = Counter()
    names = set()
    for heading in HEADING.findall(prose(path)):
        words = LINK.sub(lambda link: link[0].partition("]")[0].lstrip("!["), heading)
        name = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        names.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names


def broken(path: Path) -> list[str]:
    """Links of a page to no file or to no heading."""
    wrong = []
    for link in LINK.findall(CODE.sub("code", prose(path))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = unquote(link).partition("#")
        target = (path.parent / file) if file else path
        page = target / "README.md" if target.is_dir() else target
        if not target.exists() or (anchor and anchor not in anchors(page)):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_to_a_file_and_a_heading(name):
    assert broken(ROOT / name) == []


def test_a_broken_link_is_noticed(tmp_path):
    page = tmp_path / "a.md"
    page.write_text("# One `two`, three\n[a](#one-two-three) [b](#two) [c](a.md#one) [d](b.md)\n")
    assert broken(page) == ["#two", "a.md#one", "b.md"]


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_is_named_exists(name):
    page = ROOT / name
    text = re.sub(r"\[[^\]]*\]\([a-z]+:[^)]*\)", "", BLOCK.sub("", prose(page)))
    for token in CODE.findall(text):
        made_elsewhere = "NAME" in token or token.startswith("runs/")
        if PATH.fullmatch(token) and not made_elsewhere:
            places = (ROOT, page.parent)
            assert any((place / token).exists() for place in places), token


def test_the_front_page_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= FRONT_PAGE_BYTES


def test_every_table_stands_in_one_document():
    shown = Counter(block[1] for page in DOCUMENTS for block in BLOCK.findall(page.read_text()))
    assert shown == dict.fromkeys(TABLES, 1)


def test_every_figure_is_shown():
    results = ROOT / "training" / "results"
    shown = set(LINK.findall((results / "README.md").read_text()))
    assert {f"figures/{path.name}" for path in (results / "figures").iterdir()} <= shown


def test_the_version_is_the_same_everywhere():
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"^## (?!Unreleased)(\S+)", changes, re.MULTILINE)[1] == __version__
    assert f"version = {{{__version__}}}" in (ROOT / "README.md").read_text()
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()
