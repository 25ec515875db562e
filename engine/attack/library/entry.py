"""`attack`: any method on any differentiable model.

A thin layer over `engine.attack.loop`: pictures, labels and options become a `Problem`, and the
search's pictures are judged anew, as the PNG files they are.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence

import numpy as np
import torch

from ...errors import UsageError
from ...images.picture import to_batch
from ..loop import Search
from ..methods import READS_JND
from ..objective import LEVELS
from ..problem import Method, Problem
from .arguments import (
    Labels,
    Pixels,
    check_options,
    labels_of,
    method_of,
    read,
    threshold_of,
)
from .criteria import Dodging
from .model import Criterion, Model, ModelObserver, device_of, examine, unchanged
from .result import AttackResult, judge

MARGIN = 0.01  # of the logits: a model rounds otherwise when it is given one picture than several


def attack(
    model: Model,
    pictures: Pixels | Sequence[Pixels],
    label: Labels | None = None,
    *,
    target: Labels | None = None,
    criterion: Criterion | None = None,
    method: str | Method = "ours",
    jnd: str | np.ndarray | None = None,
    epsilon: float | None = None,
    steps: int | None = None,
    margin: float = MARGIN,
    max_seconds: float | None = None,
    batch_size: int = 16,
    seed: int = 0,
) -> AttackResult | tuple[AttackResult, ...]:
    """Change pictures as little as possible so that the model is fooled.

    model: a `torch.nn.Module` or another callable, float32 n×3×H×W in 0…1 -> logits n×K. What it
    needs besides (resizing, normalisation by mean and standard deviation) belongs into it. It is
    attacked in evaluation mode, on the device of its parameters, and left as it was.
    pictures: one -> one result; a batch (a list, or an array or tensor with four dimensions), all
    of one size -> a tuple of results. A picture is a path, a Pillow picture, an array uint8 H×W×3,
    or a tensor 3×H×W, floats in 0…1 (rounded to 8 bits first) or uint8.
    label: what the model is to leave, one for all or one for each; by default what it predicts.
    target: in place of label, what it is to predict.
    criterion: in place of both, for embedders and losses of your own: (outputs of the model, rows
    int64 n) -> margin n, above 0 where the attack succeeds; or -> logits n×K. See
    `engine.attack.library.criteria`. With an attribute `targeted = True` methods take their
    targeted settings.
    method: one of `NAMES`, or a `Method` of your own. jnd: for methods that need the eye's
    threshold, the name of a human JND model (by default `hvs-sd`) or an array in 8-bit levels,
    H×W, H×W×3 or N×H×W×3; the others ignore it. epsilon: for the methods with a budget, the
    largest change in 8-bit levels; by default the smallest at which each picture succeeds.
    steps: gradient steps in a round, by default the method's. margin: the lead that the search
    aims at. max_seconds: ends early with the best so far. batch_size: pictures that are searched
    together. seed: of all random numbers.

    Warns where the model looks wrong. Raises ImageError, UsageError.
    """
    started = time.monotonic()
    check_options(
        model=model,
        label=label,
        target=target,
        criterion=criterion,
        jnd=jnd,
        epsilon=epsilon,
        steps=steps,
        margin=margin,
        max_seconds=max_seconds,
        batch_size=batch_size,
        seed=seed,
    )
    targeted = target is not None or bool(getattr(criterion, "targeted", False))
    row = method_of(method, targeted, epsilon, steps)
    single, clean, notes = read(pictures)
    if isinstance(criterion, Dodging) and criterion.count not in (None, len(clean)):
        raise UsageError(
            f"references for {criterion.count} pictures, but {len(clean)} pictures: "
            "give as many, or one array m×D for all"
        )
    name, given = ("label", label) if target is None else ("target", target)
    labels = labels_of(name, given, len(clean))
    threshold = threshold_of(jnd, clean, isinstance(method, Method) or method in READS_JND)
    results: list[AttackResult] = []
    with unchanged(model), torch.inference_mode(False), torch.enable_grad():
        for first in range(0, len(clean), batch_size):
            part = slice(first, first + batch_size)
            observer = ModelObserver(model, criterion, first)
            problem, warned = _problem(
                observer, clean[part], threshold[part], labels and labels[part], targeted, margin
            )
            for warning in warned:
                warnings.warn(warning, stacklevel=2)
            search = Search(problem, row, seed)
            left = None if max_seconds is None else max_seconds - (time.monotonic() - started)
            for _ in search.steps(max_seconds=left):
                pass
            remarks = [tuple(own + warned) for own in notes[part]]
            results += judge(search, clean[part], remarks, seed)
    return results[0] if single else tuple(results)


def _problem(
    observer: ModelObserver,
    clean: np.ndarray,
    threshold: np.ndarray,
    labels: list[int] | None,
    targeted: bool,
    margin: float,
) -> tuple[Problem, list[str]]:
    """The problem, and warnings about the model. Raises UsageError where it looks wrong."""
    device = device_of(observer.model)
    x = torch.from_numpy(to_batch(clean)).to(device)
    with torch.no_grad():
        scores = observer.scores(x, torch.arange(len(x), device=device))
    if not torch.isfinite(scores).all():
        raise UsageError("the model gives NaN or infinity for the clean pictures: check its input")
    if scores.ndim == 1:
        if labels is not None:
            raise UsageError("label or target with a criterion that gives margins: leave it out")
        chosen = torch.zeros(len(x), dtype=torch.int64, device=device)
    elif labels is not None:
        if max(labels) >= scores.shape[1]:
            raise UsageError(f"label {max(labels)}: the model has 0…{scores.shape[1] - 1}")
        chosen = torch.tensor(labels, device=device)
    elif targeted:
        raise UsageError("a targeted criterion that gives logits: give margins, or target as well")
    else:
        chosen = scores.argmax(1)
    warned = examine(observer, x, chosen, targeted, scores)
    j = torch.from_numpy(np.ascontiguousarray(threshold.transpose(0, 3, 1, 2))).to(device) / LEVELS
    return Problem(x, j, observer, chosen[:, None], targeted, margin), warned
