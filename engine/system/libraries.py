"""Libraries that are missing or broken: one line that says which, and how to repair it."""

from __future__ import annotations

import platform
import sys
from types import ModuleType

from ..errors import SetupError

# What a module is called where it is installed from, and which extra of ours brings it.
DISTRIBUTIONS = {
    "PIL": ("pillow", None),
    "_dlib_pybind11": ("dlib-bin", "faces"),
    "dlib": ("dlib-bin", "faces"),
    "gradio": ("gradio", "demo"),
    "huggingface_hub": ("huggingface-hub", None),
    "numpy": ("numpy", None),
    "onnx": ("onnx", "attack"),
    "onnx2torch": ("onnx2torch", "panels"),
    "pillow_jxl": ("pillow-jxl-plugin", "jxl"),
    "piq": ("piq", "evaluation"),
    "pycvvdp": ("cvvdp", "evaluation"),
    "pyarrow": ("pyarrow", "ray"),
    "ray": ("ray[data]", "ray"),
    "reedsolo": ("reedsolo", None),
    "safetensors": ("safetensors", "attack"),
    "scipy": ("scipy", None),
    "skimage": ("scikit-image", None),
    "timm": ("timm", "panels"),
    "torch": ("torch", "attack"),
    "torchvision": ("torchvision", "panels"),
    "tqdm": ("tqdm", None),
}


def onnx_runtime() -> ModuleType:
    """The module `onnxruntime`, whole. Raises SetupError where it is missing or broken.

    onnxruntime and onnxruntime-gpu share one folder: where both were installed and one was
    removed, what is left imports, but is empty.
    """
    try:
        import onnxruntime
    except Exception as error:  # a missing library, another NumPy, half of a removed package
        raise _onnx_runtime_broken(str(error)) from None
    if not hasattr(onnxruntime, "InferenceSession"):
        raise _onnx_runtime_broken("its folder is empty or half of it was removed")
    return onnxruntime


def _onnx_runtime_broken(reason: str) -> SetupError:
    gpu = (sys.platform, platform.machine()) in (("linux", "x86_64"), ("win32", "AMD64"))
    name = "onnxruntime-gpu" if gpu else "onnxruntime"
    return SetupError(
        f"ONNX Runtime cannot be used ({one_line(reason)}): run "
        "pip uninstall -y onnxruntime onnxruntime-gpu, then pip install " + name
    )


def broken(error: ImportError | OSError) -> SetupError:
    """The message about a library that does not import: not installed, or not whole.

    OSError is PyTorch's, where a file of its own is missing.
    """
    name = (getattr(error, "name", None) or "").partition(".")[0]
    if isinstance(error, OSError):
        name = "torch"
    distribution, extra = DISTRIBUTIONS.get(name, (name or "the package it names", None))
    whole = isinstance(error, ModuleNotFoundError) and error.name == name
    if whole and extra is not None:
        return SetupError(f"{name} is not installed: run pip install 'just-noticeable[{extra}]'")
    if whole:
        return SetupError(f"{name} is not installed: run pip install {distribution}")
    return SetupError(
        f"{name or 'a library'} cannot be loaded ({one_line(error)}): "
        f"run pip install --force-reinstall {distribution}"
    )


def one_line(text: object, longest: int = 300) -> str:
    """A message without its line breaks, cut where it is very long."""
    words = " ".join(str(text).split())
    return words if len(words) <= longest else words[: longest - 1] + "…"


def of_extra(error: ImportError | OSError, what: str, extra: str) -> SetupError:
    """The message where `what` needs a library that one of our extras brings, or that is broken."""
    if not isinstance(error, ModuleNotFoundError) or "." in (error.name or ""):
        return broken(error)
    return SetupError(f"{what} needs {error.name}: run pip install 'just-noticeable[{extra}]'")
