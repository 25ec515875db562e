"""Nothing reports home: ONNX Runtime is told so before it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import engine

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


def test_the_hubs_client_is_told_before_it_is_imported():
    code = "import engine; from huggingface_hub import constants as said; "
    code += "print(said.HF_HUB_DISABLE_TELEMETRY)"
    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={key: value for key, value in os.environ.items() if "TELEMETRY" not in key},
        cwd=Path(engine.__file__).parents[1],
    )
    assert told.stdout.strip() == "True"
