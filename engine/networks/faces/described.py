"""Chips of whole levels to embeddings, in batches, without a gradient. Needs torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

BATCH = 16  # chips per pass


@torch.no_grad()
def describe(network: nn.Module, chips: np.ndarray) -> np.ndarray:
    """uint8 n×S×S×3, RGB -> the network's embeddings float32 n×D."""
    device = next(network.parameters()).device
    batch = torch.from_numpy(np.ascontiguousarray(chips)).permute(0, 3, 1, 2)
    parts = [network((part.float() / 255).to(device)).cpu().numpy() for part in batch.split(BATCH)]
    return np.concatenate(parts)
