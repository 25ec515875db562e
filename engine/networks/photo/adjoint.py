"""The gradient of EfficientNet-Lite's logits with respect to the picture, written out.

What automatic differentiation does, as ordinary layers, so that it can be exported: an engine
without PyTorch can then follow a gradient too. Every layer's transpose is a convolution again.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .efficientnet import Block, EfficientNetLite, SameConv


def passed(gradient: Tensor, activation: Tensor) -> Tensor:
    """The gradient before a ReLU6 of which the output is `activation`, all N×C×H×W."""
    return gradient * ((activation > 0) & (activation < 6)).to(gradient.dtype)


def transposed(gradient: Tensor, layer: SameConv) -> Tensor:
    """The gradient of a convolution's input, from that of its output: N×O×h×w -> N×I×H×W."""
    weight, stride = layer.weight, layer.stride[0]
    kernel = weight.shape[-1]
    if kernel == 1:
        return F.conv2d(gradient, weight.transpose(0, 1))
    if stride == 1:  # depthwise
        return F.conv2d(gradient, weight.flip(2, 3), padding=kernel // 2, groups=layer.groups)
    whole = F.conv_transpose2d(gradient, weight, stride=stride, groups=layer.groups)
    before, after = layer.uneven[0], layer.uneven[1]
    return whole[:, :, before : whole.shape[2] - after, before : whole.shape[3] - after]


def through(block: Block, inputs: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """A block's output, and what its transpose needs: the outputs of its two ReLU6."""
    expanded = inputs if block.expand is None else F.relu6(block.expand(inputs))
    filtered = F.relu6(block.depthwise(expanded))
    z = block.project(filtered)
    return (inputs + z if block.shortcut else z), (expanded, filtered)


def back(block: Block, gradient: Tensor, kept: tuple[Tensor, Tensor]) -> Tensor:
    """The gradient of a block's input, from that of its output."""
    expanded, filtered = kept
    z = passed(transposed(gradient, block.project), filtered)
    z = transposed(z, block.depthwise)
    if block.expand is not None:
        z = transposed(passed(z, expanded), block.expand)
    return gradient + z if block.shortcut else z


def pulled(network: EfficientNetLite, x: Tensor, pull: Tensor) -> Tensor:
    """The gradient of sum(pull · logits) with respect to the picture: float32 N×3×H×W.

    x float32 N×3×H×W in 0…1; pull float32 N×1000.
    """
    stem = F.relu6(network.stem((x * 255 - 127) / 128))
    z, kept = stem, []
    for block in network.blocks:
        z, activations = through(block, z)
        kept.append(activations)
    features = F.relu6(network.head(z))
    area = features.shape[2] * features.shape[3]
    gradient = (pull @ network.linear.weight / area)[:, :, None, None]
    gradient = transposed(passed(gradient.expand_as(features), features), network.head)
    for block, activations in zip(reversed(network.blocks), reversed(kept), strict=True):
        gradient = back(block, gradient, activations)
    return transposed(passed(gradient, stem), network.stem) * (255 / 128)
