"""A user's model as the model under attack, held unchanged meanwhile, and distrusted.

As in AutoAttack (Croce and Hein 2020), a model that looks wrong is refused or noted before the
first step: outputs that are not finite, no gradient, probabilities in place of logits, outputs
that differ from one evaluation to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ...errors import EngineError, UsageError
from ..objective import lead
from ..problem import Distort

Model = Callable[[Tensor], object]
Criterion = Callable[[object, Tensor], Tensor]
CHECKED = 4  # pictures whose gradient is computed beforehand
NEARBY = 4 / 255  # width of the noise where it is 0 at the clean picture


class ModelObserver:
    """The outputs of a model as logits n×1×K, see `engine.attack.problem.Observer`.

    criterion: see `engine.attack.library.criteria`; None where the outputs are logits. Margins
    become two logits, so that the lead is the margin. first: the number of the problem's first
    picture in the whole batch.
    """

    def __init__(self, model: Model, criterion: Criterion | None = None, first: int = 0):
        self.model, self.criterion, self.first = model, criterion, first
        self.targeted = bool(getattr(criterion, "targeted", False))

    def scores(self, z: Tensor, rows: Tensor) -> Tensor:
        """Pictures n×3×H×W -> margins float32 n, or logits n×K. Raises UsageError."""
        try:
            outputs = self.model(z)
            if self.criterion is not None:
                outputs = self.criterion(outputs, rows + self.first)
        except EngineError:
            raise
        except Exception as error:  # whatever a user's code may raise
            raise UsageError(
                f"the model or the criterion fails on float32 {'×'.join(map(str, z.shape))} in "
                f"0…1 ({type(error).__name__}: {error}): resizing and normalisation belong into "
                "the model; where memory is short, lower batch_size"
            ) from error
        wanted = "logits n×K" if self.criterion is None else "margins n or logits n×K"
        if not isinstance(outputs, Tensor) or not outputs.is_floating_point():
            kind = getattr(outputs, "dtype", type(outputs).__name__)
            raise UsageError(
                f"the model gives {kind}: {wanted} in floats are needed; "
                "take them out of other outputs with a criterion"
            )
        shape = tuple(outputs.shape)
        logits = len(shape) == 2 and shape[1] >= 2
        margins = len(shape) == 1 and self.criterion is not None
        if not (logits or margins) or shape[0] != len(z):
            raise UsageError(
                f"the model gives {shape} for {len(z)} pictures: {wanted}, K ≥ 2, are needed; "
                "take them out of other outputs with a criterion"
            )
        return outputs.to(z.device).float()

    def __call__(self, z: Tensor, rows: Tensor, distort: Distort | None = None) -> Tensor:
        scores = self.scores(distort(z) if distort is not None else z, rows)
        if scores.ndim == 1:
            margin = scores if self.targeted else -scores  # of label 0: to be reached, or left
            scores = torch.stack([margin, torch.zeros_like(margin)], 1)
        return scores[:, None]


def device_of(model: Model) -> torch.device:
    """Of its first parameter or buffer; the CPU for what has none."""
    if isinstance(model, nn.Module):
        for tensor in (*model.parameters(), *model.buffers()):
            return tensor.device
    return torch.device("cpu")


@contextmanager
def unchanged(model: Model) -> Iterator[None]:
    """Evaluation mode, and no gradients of parameters, until it is left; then as it was."""
    if not isinstance(model, nn.Module):
        yield
        return
    modes = [(module, module.training) for module in model.modules()]
    needed = [(each, each.requires_grad) for each in model.parameters()]
    try:
        model.eval()
        model.requires_grad_(False)
        yield
    finally:
        for module, training in modes:
            module.training = training
        for each, required in needed:
            each.requires_grad_(required)


def examine(
    observer: ModelObserver, clean: Tensor, labels: Tensor, targeted: bool, scores: Tensor
) -> list[str]:
    """Warnings about the model, from the first pictures of a batch. Raises UsageError.

    scores: what `observer.scores` gave for all of them.
    """
    x, labels, notes = clean[:CHECKED], labels[:CHECKED, None], []
    flat = _flat(observer, x, labels, targeted)
    if flat.any():  # it may be just there: the distance from a picture to itself has no slope
        noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)).to(x)
        flat &= _flat(observer, (x + (noise - 0.5) * NEARBY).clamp(0, 1), labels, targeted)
    if flat.all():
        raise UsageError(
            "the model's gradient is 0 everywhere at the clean pictures: give logits in place of "
            "rounded or saturated outputs, or attack a differentiable stand-in"
        )
    if flat.any():
        notes.append("the model's gradient is 0 at some clean pictures: it may be masked")
    if scores.ndim == 2 and _probabilities(scores):
        notes.append("the model seems to give probabilities: give logits, or the gradient is weak")
    with torch.no_grad():
        rows = torch.arange(len(x), device=x.device)
        again = observer.scores(x, rows)
    if not torch.allclose(again, scores[: len(x)], rtol=1e-2, atol=1e-3):
        notes.append("the model gives other outputs for the same input: success is of one draw")
    return notes


def _flat(observer: ModelObserver, x: Tensor, labels: Tensor, targeted: bool) -> Tensor:
    """Where the gradient of the lead is 0 everywhere, bool n. Raises UsageError."""
    z = x.clone().requires_grad_()
    leads = lead(observer(z, torch.arange(len(z), device=z.device)), labels, targeted).sum()
    gradient = torch.autograd.grad(leads, z, allow_unused=True)[0] if leads.requires_grad else None
    if gradient is None:
        raise UsageError(
            "the model gives no gradient of its input: leave out torch.no_grad, detach and NumPy"
        )
    if not torch.isfinite(gradient).all():
        raise UsageError(
            "the model's gradient is not finite at the clean pictures: look for a square root or "
            "a logarithm of 0 in the model or the criterion"
        )
    return gradient.flatten(1).abs().amax(1) == 0


def _probabilities(scores: Tensor) -> bool:
    sums = scores.sum(1)
    return bool((scores >= 0).all() and torch.allclose(sums, torch.ones_like(sums), atol=1e-3))
