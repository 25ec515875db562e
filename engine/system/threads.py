"""How many threads to start: the user's own setting, else what this process may really use.

A container may be held to a share of the machine's time (a cgroup's quota) while it still sees
every core: one thread per core would then wait for its turn most of the time.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ..errors import UsageError

ENVIRONMENT = "JND_THREADS"
# PyTorch's, in a search by gradients. With two, these differ in their last digits, the search takes
# another way, and the same photo gives one of several files.
SEARCH_THREADS = 1


def threads() -> int:
    """Threads for ONNX Runtime and PyTorch alike, 1 or more; in a search: `SEARCH_THREADS`.

    JND_THREADS, else OMP_NUM_THREADS, else `available_cores`. Raises UsageError where JND_THREADS
    is no whole number above 0.
    """
    own = os.environ.get(ENVIRONMENT)
    if own:
        if not (own.isascii() and own.isdigit() and int(own)):
            raise UsageError(f"{ENVIRONMENT}={own}: give a whole number, 1 or more")
        return int(own)
    others = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # one for each level
    if others.isascii() and others.isdigit() and int(others):
        return int(others)
    return available_cores()


def available_cores(root: Path = Path("/")) -> int:
    """Cores this process may use: by its affinity and its cgroups' quotas, rounded up; 1 or more.

    root: where /proc and /sys are.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in quotas(root))]))


def quotas(root: Path = Path("/")) -> Iterator[float]:
    """Each limit in force, in cores: of this process's cgroup (version 1 or 2) and its parents."""
    for folder in cgroup_folders(root):
        try:
            if (folder / "cpu.max").is_file():
                quota, period = (folder / "cpu.max").read_text().split()
            else:
                quota = (folder / "cpu.cfs_quota_us").read_text()
                period = (folder / "cpu.cfs_period_us").read_text()
            cores = int(quota) / int(period)  # "max" and -1 are no limit
        except (OSError, ValueError, ZeroDivisionError):
            continue
        if cores > 0:
            yield cores


def cgroup_folders(root: Path) -> Iterator[Path]:
    """Folders of the cgroups that hold this process, for each mounted hierarchy with a quota."""
    try:
        mounts = (root / "proc/self/mountinfo").read_text().splitlines()
        cgroups = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    paths = {}
    for line in cgroups:
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            paths[name] = PurePosixPath(path)  # version 2 has the name ""
    for line in mounts:
        place, _, kind = line.partition(" - ")
        options = kind.split()[-1].split(",") if kind else []
        name = "" if kind.startswith("cgroup2 ") else "cpu"
        if name not in paths or not (name == "" or (kind[:7] == "cgroup " and "cpu" in options)):
            continue
        top, mounted = (PurePosixPath(part) for part in place.split()[3:5])
        path = paths[name]
        # In a container the mount begins at the container's own cgroup, the path at the host's.
        below = path.relative_to(top) if path.is_relative_to(top) else PurePosixPath()
        folder = root / mounted.relative_to("/")
        for part in (below, *below.parents):
            if ".." not in part.parts:
                yield folder / part
