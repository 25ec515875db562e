"""How many threads are started: a user's setting, else the quota of a container."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.system.threads import available_cores, threads


@pytest.fixture
def many_cores(monkeypatch):
    """A host of sixteen cores, all of them this process's."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    for name in ("JND_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


def machine(root: Path, mount: str, cgroup: str, files: dict[str, str]) -> Path:
    """A root with /proc/self of one process and the files of its cgroups."""
    process = root / "proc/self"
    process.mkdir(parents=True)
    (process / "mountinfo").write_text(f"22 1 0:20 / /sys rw - sysfs sysfs rw\n{mount}\n")
    (process / "cgroup").write_text(cgroup)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V2 = "30 22 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw"
V1 = "31 22 0:27 {top} /sys/fs/cgroup/cpu,cpuacct ro shared:9 - cgroup cgroup rw,cpu,cpuacct"


@pytest.mark.parametrize(
    ("mount", "cgroup", "files", "cores"),
    [
        (V2, "0::/\n", {"cpu.max": "150000 100000"}, 2),  # rounded up
        (V2, "0::/\n", {"cpu.max": "20000 100000"}, 1),
        (V2, "0::/\n", {"cpu.max": "max 100000"}, 16),
        (V2, "0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
        (V2, "0::/a/b\n", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "900000 100000"}, 4),
        (V2, "0::/../c\n", {"../c/cpu.max": "100000 100000"}, 16),  # not this process's to see
        (V2, "0::/\n", {"cpu.max": "nonsense"}, 16),
        (V2, "0::/\n", {}, 16),
        (
            V1.format(top="/"),
            "4:memory:/pod\n3:cpu,cpuacct:/pod\n",
            {
                "cpu,cpuacct/pod/cpu.cfs_quota_us": "-1",
                "cpu,cpuacct/pod/cpu.cfs_period_us": "100000",
                "cpu,cpuacct/cpu.cfs_quota_us": "500000",
                "cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            5,
        ),
        (  # in a container: the mount begins at the container's cgroup
            V1.format(top="/docker/1f"),
            "3:cpu,cpuacct:/docker/1f/job\n",
            {
                "cpu,cpuacct/job/cpu.cfs_quota_us": "250000",
                "cpu,cpuacct/job/cpu.cfs_period_us": "100000",
            },
            3,
        ),
    ],
)
def test_a_quota_bounds_the_threads(tmp_path, many_cores, mount, cgroup, files, cores):
    assert available_cores(machine(tmp_path, mount, cgroup, files)) == cores


def test_without_cgroups_affinity_decides(tmp_path, many_cores, monkeypatch):
    assert available_cores(tmp_path) == 16
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5})
    assert available_cores(tmp_path) == 2
    root = machine(tmp_path / "quota", V2, "0::/\n", {"cpu.max": "800000 100000"})
    assert available_cores(root) == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores(tmp_path) == 1


def test_a_users_setting_wins(many_cores, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    assert threads() == 3
    monkeypatch.setenv("JND_THREADS", "40")
    assert threads() == 40
    for wrong in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("JND_THREADS", wrong)
        with pytest.raises(UsageError, match="1 or more"):
            threads()


def test_onnx_runtime_and_pytorch_get_that_many(monkeypatch):
    torch = pytest.importorskip("torch")
    from engine.models.registry import PANEL
    from engine.models.session import open_session
    from engine.networks.device import use_threads

    monkeypatch.setenv("JND_THREADS", "3")
    before = torch.get_num_threads()
    try:
        assert open_session(PANEL[0], weights=None, device="cpu").placement.endswith("3 threads")
        assert use_threads() == torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
