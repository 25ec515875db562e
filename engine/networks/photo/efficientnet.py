"""EfficientNet-Lite 0, 1 and 2, ImageNet-1k classifiers for photographs, in PyTorch.

Tan & Le 2019 without squeeze-and-excitation, ReLU6 in place of swish; a stem of 32 channels and a
head of 1,280 in all. Batch normalisation is folded into the convolutions. The last feature map is
pooled globally and classified by one linear layer, so that the class activation map (Zhou et al.
2016) is exact: CAM_c(p) = sum_k w_ck * feature_k(p). Input is always float32 NCHW RGB in 0…1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

SIZE = 224  # pixels a side that the photo panel works at
CLASSES = 1000
WIDTH = 1280  # channels of the last feature map
# Per stage: kernel, blocks, stride, expansion, channels (of EfficientNet-B0).
STAGES = (
    (3, 1, 1, 1, 16),
    (3, 2, 2, 6, 24),
    (5, 2, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (5, 3, 1, 6, 112),
    (5, 4, 2, 6, 192),
    (3, 1, 1, 6, 320),
)


@dataclass(frozen=True)
class Scaling:
    """By how much a variant is wider and deeper; first and last stage keep their single block."""

    width: float
    depth: float

    def channels(self, base: int) -> int:
        """A multiple of eight, never more than 10 % below width · base."""
        scaled = base * self.width
        rounded = max(8, int(scaled + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * scaled else rounded

    def blocks(self, stage: int) -> int:
        base = STAGES[stage][1]
        return base if stage in (0, len(STAGES) - 1) else math.ceil(base * self.depth)


SCALINGS = {
    "lite0": Scaling(1.0, 1.0),
    "lite1": Scaling(1.0, 1.1),
    "lite2": Scaling(1.1, 1.2),
}


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME pads an even size: the odd pixel at the end."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        whole = kernel - stride
        before = whole // 2
        even = whole % 2 == 0
        super().__init__(
            inputs, outputs, kernel, stride, padding=before if even else 0, groups=groups
        )
        self.uneven = None if even else (before, whole - before) * 2

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if self.uneven is None else F.pad(x, self.uneven))


class Block(nn.Module):
    """Inverted bottleneck: 1×1 expansion, depthwise convolution, 1×1 projection, a shortcut."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = inputs * expansion
        self.expand = SameConv(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = SameConv(inner, inner, kernel, stride, groups=inner)
        self.project = SameConv(inner, outputs, 1)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        z = x if self.expand is None else F.relu6(self.expand(x))
        z = self.project(F.relu6(self.depthwise(z)))
        return x + z if self.shortcut else z


class EfficientNetLite(nn.Module):
    """One variant, "lite0", "lite1" or "lite2", folded, for inference and for gradients."""

    def __init__(self, variant: str):
        super().__init__()
        scaling = SCALINGS[variant]
        self.stem = SameConv(3, 32, 3, 2)
        blocks, inputs = [], 32
        for stage, (kernel, _, stride, expansion, base) in enumerate(STAGES):
            outputs = scaling.channels(base)
            for number in range(scaling.blocks(stage)):
                step = stride if number == 0 else 1
                blocks.append(Block(inputs, outputs, kernel, step, expansion))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = SameConv(inputs, WIDTH, 1)
        self.linear = nn.Linear(WIDTH, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        """float32 N×3×H×W in 0…1 -> N×1280×h×w, non-negative; h = H / 32."""
        z = F.relu6(self.stem((x * 255 - 127) / 128))
        return F.relu6(self.head(self.blocks(z)))

    def classify(self, features: Tensor) -> Tensor:
        """The feature map N×1280×h×w -> logits N×1000."""
        return self.linear(features.mean((2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        """float32 N×3×H×W in 0…1 -> logits N×1000."""
        return self.classify(self.features(x))

    def evidence(self, features: Tensor, labels: Tensor) -> Tensor:
        """The class activation map by channel, w_ck · feature_k(p): N×1280×h×w.

        features N×1280×h×w, labels int64 N. Its sum over channels is the CAM of the label.
        """
        return self.linear.weight[labels][:, :, None, None] * features

    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """float32 N×3×H×W in 0…1 -> (logits N×1000, CAM of the top-1 N×1×h×w, unscaled)."""
        features = self.features(x)
        logits = self.classify(features)
        return logits, self.evidence(features, logits.argmax(1)).sum(1, keepdim=True)
