"""Convolution and normalisation as one layer, which is folded into the convolution to ship.

While training the layer carries a batch normalisation; `fold` merges that into the convolution,
and the folded network (`norm=False`) is what is exported, attacked and searched.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


class ConvNorm(nn.Module):
    """Convolution (same padding), max-pooling by `pool`, batch normalisation unless `norm=False`.

    `transpose=True` makes it a deconvolution whose kernel equals its stride. The normalisation's
    scale is fixed at one (a ReLU and the next convolution make it redundant), hence positive, so
    that it commutes with the pooling and can be folded into the convolution before it.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        pool: int = 1,
        groups: int = 1,
        transpose: bool = False,
        norm: bool = True,
    ):
        super().__init__()
        if transpose:
            self.conv = nn.ConvTranspose2d(inputs, outputs, kernel, stride=kernel, bias=not norm)
        else:
            self.conv = nn.Conv2d(
                inputs,
                outputs,
                kernel,
                stride=stride,
                padding=(kernel - 1) // 2,
                groups=groups,
                bias=not norm,
            )
        self.pool = nn.MaxPool2d(pool) if pool > 1 else nn.Identity()
        self.bn = nn.BatchNorm2d(outputs) if norm else nn.Identity()
        if norm:
            self.bn.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.pool(self.conv(x)))


@torch.no_grad()
def fold(network: nn.Module, folded: nn.Module) -> nn.Module:
    """Copy `network` into `folded` (the same class with `norm=False`), batch normalisation merged.

    Both compute the same function in evaluation mode, up to rounding.
    """
    state = {k: v.clone() for k, v in network.state_dict().items() if ".bn." not in k}
    for name, module in network.named_modules():
        if isinstance(module, ConvNorm) and isinstance(module.bn, nn.BatchNorm2d):
            bn = module.bn
            weight, bias = fuse_conv_bn_weights(
                module.conv.weight,
                module.conv.bias,
                bn.running_mean,
                bn.running_var,
                bn.eps,
                bn.weight,
                bn.bias,
                transpose=isinstance(module.conv, nn.ConvTranspose2d),
            )
            state[f"{name}.conv.weight"] = weight.detach()
            state[f"{name}.conv.bias"] = bias.detach()
    folded.load_state_dict(state)
    return folded.eval()
