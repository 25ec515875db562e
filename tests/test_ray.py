"""`--ray`: the results of one process, from many; what dies costs nothing, or its picture alone."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from engine.batch.run import run
from engine.batch.work import Report, Task
from engine.commands import cli

if "CI" not in os.environ and find_spec("ray") is None:  # imported, it would be set up already
    pytest.skip("the extra ray is not installed", allow_module_level=True)

ROOT = Path(__file__).parents[1]
HUMAN = ["human", "--model", "wu2017", "--json"]


@pytest.fixture(scope="module")
def ray_here():
    """One Ray for these tests, of two processes; commands with `--ray` use it."""
    from engine.batch.cluster.ray_cluster import check_address, connected

    check_address("local")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))  # where they find `Prepare`
        with connected("local", 2):
            yield


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, photos) -> Path:
    """Ten pictures in two folders and one file that is none."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "in").mkdir()
    for number in range(10):
        place = folder / "in" if number % 2 else folder
        Image.fromarray(photos["chelsea"][number : number + 24, :40]).save(place / f"{number}.png")
    (folder / "in" / "3.png").write_bytes(b"no picture")
    return folder


def reports(captured: str, out: object) -> list[dict]:
    return [json.loads(line) for line in captured.replace(str(out), "OUT").splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    """Of each result, its place below the folder -> its bytes."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in paths
        if path.suffix != ".jsonl"
    }


@pytest.fixture(scope="module")
def expected(pictures, tmp_path_factory):
    """Reports and files of one process."""
    out = tmp_path_factory.mktemp("one") / "out"
    printed = io.StringIO()
    stdout, sys.stdout = sys.stdout, printed
    try:
        assert cli.main([*HUMAN, str(pictures), "--out", str(out)]) == 1
    finally:
        sys.stdout = stdout
    return reports(printed.getvalue(), out), contents(out)


def test_a_folder_gives_what_one_process_gives_and_goes_on_with_one(
    ray_here, pictures, expected, tmp_path, capfd
):
    out = tmp_path / "out"
    arguments = [*HUMAN, str(pictures), "--out", str(out)]
    assert cli.main([*arguments, "--workers", "2", "--ray"]) == 1
    captured = capfd.readouterr()
    assert (reports(captured.out, out), contents(out)) == expected
    *lines, last = captured.err.splitlines()
    refused, announced = sorted(lines)  # what computes is said by the unit that began first
    assert announced.startswith("wu2017: ")
    assert "3.png is not a picture we can read" in refused
    assert last == "1 of 10 pictures refused"
    assert cli.main(arguments) == 1  # the same manifest
    captured = capfd.readouterr()
    assert reports(captured.out, out) == expected[0]
    assert "9 of 10 pictures were done before" in captured.err


def test_addresses_are_read_and_written(ray_here, pictures, expected, tmp_path, capfd):
    """An address of fsspec's: here of files, elsewhere of s3:// and so on."""
    here = tmp_path / "out"
    out = f"file://{here}"
    arguments = [*HUMAN, f"file://{pictures}", "--out", out, "--workers", "1", "--ray"]
    assert cli.main(arguments) == 1
    printed = reports(capfd.readouterr().out, out)
    found = {each["image"].removeprefix(f"file://{pictures}"): each for each in printed}
    one = {each["image"].removeprefix(str(pictures)): each for each in expected[0]}
    assert set(found) == set(one)
    for name, report in found.items():
        if "error" not in report:
            assert report | {"image": ""} == one[name] | {"image": ""}
    assert contents(here) == expected[1]
    (here / "in" / "5.human.png").write_bytes(b"damaged")
    assert cli.main([*HUMAN, str(pictures), "--out", str(here)]) == 1  # the same manifest
    captured = capfd.readouterr()
    assert "8 of 10 pictures were done before" in captured.err
    assert reports(captured.out, here) == expected[0]
    assert contents(here) == expected[1]


def as_parquet(pictures: Path, path: Path) -> None:
    """The pictures in the Hub's layout, four to a row group, and a row without any."""
    import pyarrow as pa
    from pyarrow import parquet

    paths = sorted(pictures.rglob("*.png"), key=lambda path: path.stem)
    cells = [{"bytes": each.read_bytes(), "path": each.name} for each in paths]
    table = pa.table({"label": list(range(11)), "image": [*cells, {"bytes": None, "path": "x"}]})
    parquet.write_table(table, path, row_group_size=4)


def test_parquet_in_and_out(ray_here, pictures, expected, tmp_path, capfd):
    from pyarrow import parquet

    (tmp_path / "data").mkdir()
    as_parquet(pictures, tmp_path / "data" / "train-00000.parquet")
    out = tmp_path / "out"
    names = [str(tmp_path / "data"), "--out", str(out), "--parquet"]
    arguments = [*HUMAN, *names, "--workers", "1", "--ray"]
    assert cli.main(arguments) == 1
    first = reports(capfd.readouterr().out, out)
    parts = [path.name for path in sorted(out.glob("*.parquet"))]
    assert parts == [f"train-00000-{group:05d}.parquet" for group in range(3)]
    rows = [row for name in parts for row in parquet.read_table(out / name).to_pylist()]
    assert [row["stem"] for row in rows] == [f"train-00000/{row:07d}" for row in range(11)]
    assert [row["error"] is None for row in rows] == [n not in (3, 10) for n in range(11)]
    assert rows[10]["error"].endswith("the row holds no bytes of a picture")
    for number in (0, 1, 2, 4, 5, 6, 7, 8, 9):
        place = f"{'in/' if number % 2 else ''}{number}"
        assert [file["bytes"] for file in rows[number]["files"]] == [
            expected[1][f"{place}.human.png"],
            expected[1][f"{place}.noisy.png"],
        ]
        report = json.loads(rows[number]["report"])
        assert [report["files"]["map"], report["files"]["noisy"]] == [
            file["path"] for file in rows[number]["files"]
        ]
    written = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    (out / parts[1]).unlink()
    assert cli.main(arguments) == 1
    captured = capfd.readouterr()
    assert reports(captured.out, out) == first
    assert "5 of 11 pictures were done before" in captured.err
    again = [row for name in parts for row in parquet.read_table(out / name).to_pylist()]
    assert again == rows
    changed = {path.name for path, time in written.items() if path.stat().st_mtime_ns != time}
    assert changed == {parts[1]}


def test_a_ray_of_this_machine_listens_to_it_alone(ray_here):
    """Whoever reaches a Ray can have it do anything."""
    import ray

    assert {node["NodeManagerAddress"] for node in ray.nodes()} == {"127.0.0.1"}
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


# --- what dies, with a task that other processes import from here ---


@dataclass(frozen=True)
class Options:
    """As of a command that writes pictures."""

    out: Path
    json: bool = True
    device: str = "cpu"
    workers: int | None = 2
    ray: str | None = "local"
    parquet: bool = False


class Prepare:
    """Loads nothing; names say what happens to a picture."""

    def __init__(self, out: Path):
        self.out = out

    def __call__(self):
        return self.work

    def work(self, picture, image, stem, save) -> Report:
        name = Path(image).stem
        once = self.out.parent / f"{name}.once"
        if name.startswith("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("once") and not once.exists():
            once.touch()
            os.kill(os.getppid() if "worker" in name else os.getpid(), signal.SIGKILL)
        save({self.out / f"{stem}.txt": image.encode()})
        return Report({"image": image}, "text")


def test_what_is_killed_costs_nothing_or_its_picture_alone(ray_here, tmp_path, capfd):
    """A process of Ray's, as when a machine goes; the one with the models; one picture's always."""
    names = ("a", "b", "kill", "once-worker", "once", "z")
    (tmp_path / "in").mkdir()
    for name in names:
        Image.new("RGB", (3, 2)).save(tmp_path / "in" / f"{name}.png")
    out = tmp_path / "out"
    summary = run([str(tmp_path / "in")], Task(Prepare(out)), "human", Options(out))
    assert (summary.total, summary.refused, summary.before) == (6, 1, 0)
    printed = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [Path(each["image"]).stem for each in printed] == list(names)
    assert "the process that worked on it ended (SIGKILL)" in printed[2]["error"]
    assert set(contents(out)) == {f"{name}.txt" for name in names if name != "kill"}
    assert {path.stem for path in tmp_path.glob("*.once")} == {"once", "once-worker"}
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []


# --- without a Ray ---


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photos", "--ray", "pictures"], "--ray pictures: give HOST:PORT"),
        (["-", "--ray"], "machines elsewhere cannot read"),
        (["photos", "--parquet"], "--parquet is about the results of --ray"),
        (["photos", "--ray", "--out", "nowhere://a/b"], "nowhere"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    arguments = [str(tmp_path) if each == "photos" else each for each in arguments]
    assert cli.main(["human", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_without_the_library_one_line_says_what_to_install(tmp_path):
    program = (
        "import sys; sys.modules['ray'] = None; from engine.commands import cli; "
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    arguments = [sys.executable, "-c", program, "human", str(tmp_path), "--ray"]
    result = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    line = "error: --ray needs ray: run pip install 'just-noticeable[ray]'\n"
    assert result.stderr == line
