"""Checkpoints: tensors and a JSON note in one safetensors file, written atomically."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.system.files import replacing

from ..data.labelled import DataError


def save(path: Path, tensors: dict[str, Tensor], note: dict) -> None:
    """Write a checkpoint; a killed run leaves the last whole one."""
    whole = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with replacing(path) as temporary:
        save_file(whole, temporary, metadata={"note": json.dumps(note)})


def load(path: Path) -> tuple[dict[str, Tensor], dict]:
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return tensors, json.loads(file.metadata()["note"])


def load_same(path: Path, **expected: object) -> tuple[dict[str, Tensor], dict]:
    """`load`, where the note has what is expected (settings, panel). Raises DataError otherwise.

    A dataclass is expected as the dictionary of its fields; a field that the note does not know,
    because it was added since, counts as its default.
    """
    tensors, note = load(path)
    for key, value in expected.items():
        if not same(note.get(key), value):
            raise DataError(
                f"{path} was made with {key} {note.get(key)}, not {value}: "
                "name another --runs, or delete it to train anew"
            )
    return tensors, note


def same(noted: object, value: object) -> bool:
    """Whether a note, read from JSON, has this value or the fields of this dataclass."""
    if not is_dataclass(value):
        return noted == value
    known = {field.name for field in fields(value)}
    if not isinstance(noted, dict) or not set(noted) <= known:
        return False
    as_made = {k: tuple(v) if isinstance(v, list) else v for k, v in noted.items()}
    return type(value)(**as_made) == value


def join(parts: dict[str, nn.Module]) -> dict[str, Tensor]:
    """The states of several networks as one dictionary, keys PART.KEY."""
    return {
        f"{part}.{key}": value
        for part, module in parts.items()
        for key, value in module.state_dict().items()
    }


def split(state: dict[str, Tensor], parts: dict[str, nn.Module]) -> None:
    """Load what `join` made back into the networks."""
    for part, module in parts.items():
        own = {k: v for k, v in state.items() if k.startswith(f"{part}.")}
        module.load_state_dict({k.removeprefix(f"{part}."): v for k, v in own.items()})


def pack(model: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """One flat dictionary of a model's state and its optimiser's."""
    tensors = {f"model.{key}": value for key, value in model.items()}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer.{index}.{key}"] = torch.as_tensor(value)
    return tensors


def unpack(tensors: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Restore the optimiser's state in place; return the model's."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    whole = optimizer.state_dict()
    optimizer.load_state_dict({**whole, "state": state})
    return {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
