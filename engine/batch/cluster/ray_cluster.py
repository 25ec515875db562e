"""A Ray of this machine or of many, and rows of Ray Data that come out of it in order."""

from __future__ import annotations

import logging
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import EngineError, SetupError, UsageError
from ...system.libraries import of_extra, one_line
from ...system.threads import available_cores

LOCAL = "local"  # in place of an address: a Ray of this machine, for this run
ADDRESS = re.compile(r"auto|local|(ray://)?([\w.-]+|\[[\da-fA-F:]+\]):\d+")
STORE = 128 << 20  # bytes of shared memory of a local Ray: only reports pass through it
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to anybody
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # it warns of what Ray Data itself does
}
# On Linux a Ray listens to the whole network, and does what anybody there tells it to. The first
# keeps it to this machine, as it is kept on other systems; of the second only this run has a token.
ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}


def check_address(address: str) -> None:
    """Raise UsageError for what is no address of Ray, SetupError where Ray is not installed."""
    if not ADDRESS.fullmatch(address):
        raise UsageError(
            f"--ray {address}: give HOST:PORT, auto or local; or nothing, with --ray at the end"
        )
    os.environ.update(QUIET)
    if address == LOCAL and "ray" not in sys.modules:  # they are read when it is imported
        os.environ.update(ALONE, RAY_AUTH_TOKEN=secrets.token_hex(32))
    try:
        import ray  # first, so that the error names it
        import ray.data  # noqa: F401
    except ImportError as error:
        raise of_extra(error, "--ray", "ray") from None


@contextmanager
def connected(address: str, workers: int | None) -> Iterator[None]:
    """Ray at an address, left at the end; a local one ends then, and leaves no files.

    A Ray that this process has joined already is used, and not left. workers: processes of a local
    one. Raises SetupError.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        local = {
            "num_cpus": workers or available_cores(),
            "object_store_memory": STORE,
            "include_dashboard": False,
            "_temp_dir": folder,
        }
        try:
            with without_stderr():
                ray.init(
                    address,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    **(local if address == LOCAL else {}),
                )
        except Exception as error:  # of many kinds
            raise SetupError(f"--ray {address}: there is no Ray ({one_line(error)})") from None
        # What it prints of processes that end, which it does on stdout, is in the outcomes too.
        ray._private.worker._worker_logs_enabled = False
        try:
            yield
        finally:
            ray.shutdown()


@contextmanager
def without_stderr() -> Iterator[None]:
    """What libraries in C++ write on stderr within, is lost."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def mapped(
    rows: list[dict], actor: type, arguments: tuple, workers: int | None, *, cuda: bool
) -> Iterator[dict]:
    """Each row as an actor makes it, in their order, as soon as it and those before it are made.

    actor: called with batches of one row; made with the arguments once for each of its processes:
    so many, or one for each processor of the cluster, or for each GPU where `cuda`. Raises
    SetupError where Ray gives up.
    """
    import ray

    resources = ray.cluster_resources()
    most = int(resources.get("GPU" if cuda else "CPU", 0))
    if cuda and not most:
        raise SetupError("--device cuda: no machine of this Ray has a GPU")
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        actor,
        fn_constructor_args=arguments,
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(workers or most, len(rows))),
        num_cpus=1,
        num_gpus=1 if cuda else None,
    )
    try:
        for batch in dataset.iter_batches(batch_size=None, prefetch_batches=0):
            for number in range(len(batch["done"])):
                yield {name: values[number] for name, values in batch.items()}
    except EngineError:
        raise
    except Exception as error:
        remedy = "the same command goes on where it was"
        raise SetupError(f"Ray has given up ({one_line(error)}): {remedy}") from None
