"""A panel of your own in PyTorch, with gradients: for the search on one picture.

torchvision's and timm's networks are PyTorch already; an ONNX file is converted by onnx2torch.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import WeightsError
from ..images.picture import to_batch
from ..models.registry import PANELS
from ..networks.device import torch_device
from ..networks.photo.panel import stored_photo_panel
from ..networks.stored import stored_panel
from ..system.libraries import of_extra, one_line, onnx_runtime
from .naming import BASIS, Entry, PanelSpec
from .onnx_file import (
    SCALES,
    Contract,
    contract_of,
    ends_in_probabilities,
    logarithm,
    open_file,
    scorer,
)
from .own import OwnPanel
from .part import noise
from .torch_models import fitted, network_of

KINDS = {np.float16: torch.float16, np.float64: torch.float64}  # of a graph's input
TOLERANCE = 0.02  # of the largest logit: a graph in half precision rounds elsewhere in PyTorch


class SearchPanel(nn.Module):
    """The classifiers of a `PanelSpec` at the size of the embedded panel for photographs.

    parts: modules N×3×H×W -> N×classes or N×p×classes, which resize by themselves; basis: the
    embedded panel, for its class activation maps.
    """

    def __init__(self, parts: list[nn.Module], basis: nn.Module):
        super().__init__()
        self.parts, self.basis = nn.ModuleList(parts), basis

    def logits(self, x: Tensor) -> Tensor:
        """float32 N×3×H×W in 0…1 -> logits N×P×classes, -inf where one has no such class."""
        logits = self.by_part(x)
        most = max(each.shape[2] for each in logits)
        return torch.cat(
            [F.pad(each, (0, most - each.shape[2]), value=-torch.inf) for each in logits], 1
        )

    def by_part(self, x: Tensor) -> list[Tensor]:
        """float32 N×3×H×W in 0…1 -> logits N×p×classes of each part."""
        logits = [part(x) for part in self.parts]
        return [each[:, None] if each.ndim == 2 else each for each in logits]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """float32 N×3×H×W in 0…1 -> (logits N×P×classes, the basis' CAMs N×3×H×W in 0…1)."""
        return self.logits(x), self.basis(x)[1]


class GradientPanel:
    """A panel of your own that gives gradients too, as `engine.machine.refine.Differentiable`.

    panel: what is verified; module: the same classifiers in PyTorch; device: "cpu" or "cuda".
    """

    differentiable = True

    def __init__(self, panel: OwnPanel, module: SearchPanel, device: str):
        self.panel, self.size, self.device = panel, panel.size, device
        self.module = module.to(device)

    def view(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 -> uint8 N×size×size×3."""
        return self.panel.view(pixels)

    def logits_of(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×H×W×3 of any size -> logits float32 N×P×classes, as they are verified."""
        return self.panel.logits_of(pixels)

    def gradient(self, pixels: np.ndarray, pulls: np.ndarray) -> np.ndarray:
        """The gradients of sum(pull · logits) with respect to one picture, each classifier's own.

        pixels uint8 1×size×size×3; pulls float32 P×classes -> float32 P×3×size×size, of a picture
        in 0…1.
        """
        x = torch.from_numpy(to_batch(pixels)).to(self.device).requires_grad_()
        # each part by itself: through the padded logits a gradient of one runs back through all
        rows = [row for part in self.module.by_part(x) for row in part[0]]
        gradients = np.zeros((len(pulls), *x.shape[1:]), np.float32)
        for index in np.flatnonzero(pulls.any(1)):
            row = rows[index]
            score = (row * torch.from_numpy(pulls[index, : len(row)]).to(self.device)).sum()
            (own,) = torch.autograd.grad(score, x, retain_graph=True)
            gradients[index] = own[0].cpu().numpy()
        return gradients


@lru_cache(maxsize=1)
def gradient_panel(panel: OwnPanel) -> GradientPanel:
    """The classifiers of a loaded panel with gradients. Raises as `search_panel`."""
    module = search_panel(panel.spec, weights=panel.weights, device=panel.device)
    return GradientPanel(panel, module, torch_device(panel.device))


class Embedded(nn.Module):
    """An embedded panel's logits, the pictures resized to its side."""

    def __init__(self, panel: nn.Module, side: int):
        super().__init__()
        self.panel, self.side = panel, side

    def forward(self, x: Tensor) -> Tensor:
        """float32 N×3×H×W in 0…1 -> logits N×p×classes."""
        return self.panel.logits(fitted(x, (self.side, self.side)))


class Converted(nn.Module):
    """A graph that onnx2torch converted, given pictures by its contract.

    probabilities: whether it ends in them, of which the logarithm is taken.
    """

    def __init__(self, graph: nn.Module, contract: Contract, probabilities: bool):
        super().__init__()
        self.graph, self.contract, self.probabilities = graph, contract, probabilities
        mean, deviation = (torch.tensor(each) for each in SCALES[contract.range])
        self.register_buffer("mean", mean[:, None, None], persistent=False)
        self.register_buffer("deviation", deviation[:, None, None], persistent=False)
        self.kind = KINDS.get(contract.kind, torch.float32)  # of whole numbers: to have a gradient

    def forward(self, x: Tensor) -> Tensor:
        """float32 N×3×H×W in 0…1 -> logits N×classes."""
        x = ((fitted(x, self.contract.size) - self.mean) / self.deviation).to(self.kind)
        x = x.permute(0, 2, 3, 1) if self.contract.last else x
        outputs = [self.graph(part) for part in (x.split(1) if self.contract.single else [x])]
        scores = torch.cat([each if isinstance(each, Tensor) else each[0] for each in outputs])
        while scores.ndim > 2 and scores.shape[-1] == 1:
            scores = scores[..., 0]
        if self.probabilities:
            scores = scores.clamp_min(torch.finfo(scores.dtype).tiny).log()
        return scores.float()


def search_panel(
    spec: PanelSpec, *, weights: str | os.PathLike | None = None, device: str = "auto"
) -> SearchPanel:
    """The panel of a spec for a search. weights, of what is embedded, and device: as in `Panel`.

    Raises WeightsError where a graph cannot be converted or computes something else in PyTorch,
    SetupError where onnx2torch is missing, and as `OwnPanel`.
    """
    where = torch_device(device)
    parts = [part(entry, weights, where) for entry in spec.entries]
    return SearchPanel(parts, stored_photo_panel(weights)).eval().requires_grad_(False)


def part(entry: Entry, weights: str | os.PathLike | None, device: str) -> nn.Module:
    """The classifiers of one entry."""
    if entry.kind == "embedded":
        photos = entry.name == BASIS
        panel = stored_photo_panel(weights) if photos else stored_panel(weights)[0]
        return Embedded(panel, PANELS[entry.name].size)
    if entry.kind == "onnx":
        return converted(entry)
    return network_of(entry, device)[0]


def converted(entry: Entry) -> Converted:
    """An ONNX file in PyTorch, its prediction of one picture compared with ONNX Runtime's."""
    try:
        import onnx2torch
    except (ImportError, OSError) as error:
        raise of_extra(error, f"a search against {entry.title}", "panels") from None
    session = open_file(entry, "cpu")
    contract = contract_of(session, entry)
    picture = noise(contract.size)
    expected = scorer(session, contract, entry.title)(picture)
    probabilities = ends_in_probabilities(expected)
    expected = logarithm(expected) if probabilities else expected
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch about what onnx2torch does
            graph = onnx2torch.convert(folded(entry.file))
            module = Converted(graph, contract, probabilities).eval().requires_grad_(False)
            x = torch.from_numpy(to_batch(picture)).requires_grad_()
            logits = module(x)
            (gradient,) = torch.autograd.grad(logits.logsumexp(1).sum(), x)
    except Exception as error:  # of onnx2torch: an operator or version that it does not know
        raise WeightsError(
            f"{entry.title} gives no gradients for a search, onnx2torch does not convert it "
            f"({one_line(error)}): do without the search"
        ) from None
    scale = np.abs(expected).max() + 1e-6
    if np.abs(logits.detach().numpy() - expected).max() > TOLERANCE * scale:
        raise WeightsError(
            f"{entry.title} gives no gradients for a search, onnx2torch computes something else "
            "than ONNX Runtime: do without the search"
        )
    if not torch.isfinite(gradient).all():
        raise WeightsError(
            f"{entry.title} gives no gradients for a search, they are not finite: do without the "
            "search"
        )
    return module


def folded(path: Path) -> onnx.ModelProto:
    """The graph with what depends on no input computed, as weights that are cast or scaled.

    onnx2torch takes weights from initializers only.
    """
    runtime = onnx_runtime()
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)
