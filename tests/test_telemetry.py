"""Nothing reports home: ONNX Runtime is told so before it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CODE = """
from engine.machine import load
load(device="cpu")
"""


def test_onnx_runtime_begins_no_telemetry_session(tmp_path):
    """With telemetry it leaves its session's number in the temporary folder, as `.ses`."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run(
        [sys.executable, "-c", CODE],
        check=True,
        timeout=240,
        env=environment,
        cwd=Path(__file__).parents[1],
    )
    assert list(tmp_path.iterdir()) == []
