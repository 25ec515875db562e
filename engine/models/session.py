"""ONNX Runtime sessions: device, threads, and the contract in the file."""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
from functools import cached_property

import numpy as np

from ..arguments import DEVICES
from ..errors import DeviceError, UsageError, WeightsError
from ..system.libraries import one_line, onnx_runtime
from ..system.threads import threads
from .locate import Located, locate

# By default every new shape of a convolution's input has all of cuDNN's algorithms tried, which
# takes seconds; the pictures, tiles and batches here have many shapes.
CUDA = {"cudnn_conv_algo_search": "HEURISTIC"}


class Session:
    """One ONNX graph, ready to run. Arrays in by name, arrays out in the graph's order.

    placement: where it runs and why, in words; located: the file. remedy: what to do about a file
    that is no such graph, for the message. Raises WeightsError, DeviceError.
    """

    def __init__(self, located: Located, device: str = "auto", *, remedy: str = "get it again"):
        onnxruntime = onnx_runtime()
        wanted, reason = _providers(device, onnxruntime.get_available_providers())
        if wanted[0] == "CUDAExecutionProvider" and hasattr(onnxruntime, "preload_dlls"):
            onnxruntime.preload_dlls()  # CUDA and cuDNN from the nvidia wheels, where installed
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # its own warnings: we report what we got, below
        options.intra_op_num_threads = threads()
        # An arena never shrinks: each session would hold on to the most that any picture has taken.
        options.enable_cpu_mem_arena = False
        # Several sessions take turns: threads that spin between runs would take the others' cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # 8-bit weights become single precision once, when the graph is loaded. Otherwise each run
        # does it anew, and convolutions do not get the layout that is fastest: they need constants.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        settings = [CUDA if name == "CUDAExecutionProvider" else {} for name in wanted]
        try:
            self._session = onnxruntime.InferenceSession(
                str(located.path), options, providers=wanted, provider_options=settings
            )
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise WeightsError(
                f"{located.path} cannot be run as an ONNX model ({reason_of(error)}): {remedy}"
            ) from None
        self.provider = self._session.get_providers()[0]
        if self.provider != wanted[0]:
            reason = f"{wanted[0]} did not start: CUDA 13 and cuDNN 9 are needed"
            if device == "cuda":
                raise DeviceError(f"CUDA was requested, but {reason}; or use --device cpu")
        self.nodes = tuple(self._session.get_inputs())  # each with a name, a shape and a type
        self.inputs = tuple(node.name for node in self.nodes)
        self.outputs = tuple(node.name for node in self._session.get_outputs())
        self.located = located
        self.placement = f"{self.provider} ({reason}), {options.intra_op_num_threads} threads"

    @cached_property
    def contract(self) -> dict:
        """The file's contract: inputs, outputs, classes, licence, training."""
        metadata = self._session.get_modelmeta().custom_metadata_map
        if "contract" not in metadata:
            raise WeightsError(
                f"{self.located.path} has no contract: write it with `python -m export`"
            )
        return json.loads(metadata["contract"])

    def expect(self, inputs: set[str], outputs: tuple[str, ...]) -> None:
        """Raise WeightsError unless the graph has these outputs and no other inputs."""
        if not set(self.inputs) <= inputs or self.outputs != outputs:
            raise WeightsError(
                f"{self.located.path} maps {self.inputs} to {self.outputs}, "
                f"not {sorted(inputs)} to {outputs}: it is another model; get it again"
            )

    def run(self, **arrays: np.ndarray) -> list[np.ndarray]:
        """Run the graph on the inputs it has; further arrays are ignored."""
        return self._session.run(None, {name: arrays[name] for name in self.inputs})

    def first(self, **arrays: np.ndarray) -> np.ndarray:
        """The first output of `run` alone, in less time where others are computed apart from it."""
        return self._session.run(self.outputs[:1], {name: arrays[name] for name in self.inputs})[0]


def reason_of(error: Exception) -> str:
    """ONNX Runtime's words on one line, without its name and codes."""
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", one_line(error))


def _providers(device: str, available: list[str]) -> tuple[list[str], str]:
    """The providers to request and the reason. Raises DeviceError for cuda without a driver."""
    if device not in DEVICES:
        raise UsageError(f"no device {device!r}: choose from {', '.join(DEVICES)}")
    if device == "cpu":
        return ["CPUExecutionProvider"], "requested"
    if "CUDAExecutionProvider" not in available:
        missing = "this ONNX Runtime is built without CUDA"
    elif not _has_driver():
        missing = "no CUDA driver"
    else:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"], "CUDA driver found"
    if device == "cuda":
        raise DeviceError(f"CUDA was requested, but: {missing}; use --device cpu or auto")
    return ["CPUExecutionProvider"], missing


def _has_driver() -> bool:
    """Whether the CUDA driver's library loads; ONNX Runtime lists CUDA without asking."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def open_session(model: str, *, weights: str | os.PathLike | None, device: str) -> Session:
    """Locate, check and load one row of `engine.models.registry.MODELS`."""
    return Session(locate(model, weights), device)
