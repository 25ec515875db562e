"""One training on several processes, each with its part of every batch: under torchrun.

    torchrun --standalone --nproc-per-node 4 -m training generator --preset default

Every process draws what is drawn at random for the whole batch and takes its part of it;
gradients are averaged (`DistributedDataParallel`), batch normalisation is over the whole batch. So
it is the training of one process, but for the order of additions. The first process writes
checkpoints; others read them where a training goes on, also with another number of processes. The
processes of GPUs have one each.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.parallel import DistributedDataParallel

from ..data.labelled import DataError


def join(batch: int) -> torch.device:
    """This process's device; under torchrun it meets the others first.

    batch: images of a step, of all processes. Raises DataError where they cannot share it evenly.
    """
    number = int(os.environ.get("WORLD_SIZE", "1"))
    cuda = torch.cuda.is_available()
    if number == 1:
        return torch.device("cuda" if cuda else "cpu")
    if batch % number:
        raise DataError(f"a batch of {batch} images cannot be shared by {number} processes evenly")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if cuda else "gloo")
        atexit.register(distributed.destroy_process_group)
        if not first():
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the first prints for all
    return device


def processes() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def first() -> bool:
    """Whether this process logs and writes."""
    return processes() == 1 or distributed.get_rank() == 0


def wait_for_all() -> None:
    """Until every process is here, as where one has written what all read."""
    if processes() > 1:
        distributed.barrier()


def own(batch: Tensor) -> Tensor:
    """This process's part of a tensor with a row for each image of a batch."""
    if processes() == 1:
        return batch
    return batch.chunk(processes())[distributed.get_rank()]


def mean(value: Tensor) -> Tensor:
    """The mean over the processes of a tensor that each has of its part."""
    if processes() > 1:
        distributed.all_reduce(value)
        value /= processes()
    return value


def of_the_first(value: Any) -> Any:
    """A value of the first process, such as its clock's, for all."""
    if processes() == 1:
        return value
    values = [value]
    distributed.broadcast_object_list(values)
    return values[0]


def shared(network: nn.Module) -> nn.Module:
    """What to call in place of a network, so that its gradients are those of the whole batch.

    The network itself, on its device, stays what is kept and measured; alone it is returned.
    """
    if processes() == 1:
        return network
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.__class__ = WholeBatchNorm
    return DistributedDataParallel(network, broadcast_buffers=False)


class WholeBatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the parts of all processes; PyTorch's own is for GPUs alone."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        number = processes() * x.numel() // x.shape[1]
        single = x.float()
        mean = all_reduce(single.sum((0, 2, 3))) / number
        apart = single - mean[:, None, None]
        variance = all_reduce(apart.square().sum((0, 2, 3))) / number
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * number / (number - 1), self.momentum)
        y = apart * (variance + self.eps).rsqrt()[:, None, None]
        return (y * self.weight[:, None, None] + self.bias[:, None, None]).to(x.dtype)
