"""The processes of one training that `torchrun` started, by rank; a training of its own is one of one process.

Rank 0 leads: it alone writes, checks and listens, decides when the training ends, and tells the others. Gradients and
buffers are summed over all. Where a process is lost, the others raise a FourfloorError and end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import TypeVar

import torch
from torch import Tensor, distributed

from fourfloor.errors import FourfloorError

Made = TypeVar("Made")
PATIENCE = timedelta(hours=6)  # the others wait while rank 0 checks and listens


def _started() -> bool:
    """Return whether `torchrun` started this process beside others."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """Meet the other processes, and leave them in the end; each takes the CUDA device of its number on its machine."""
    if not _started():
        yield Ranks()
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    # Optimizers import this, and its functions take the group of that moment as their default: it and its threads would
    # outlive the end below, and a thread that asks for Python after its end aborts the process.
    import_module("torch.distributed.nn.functional")
    with _lost_named():
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


@dataclass(frozen=True)
class Ranks:
    """Where this process stands among the processes of its training."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Return whether this process writes, checks and decides."""
        return self.rank == 0

    def agree(self, over: bool, signal: int | None) -> tuple[bool, int | None]:
        """Return whether rank 0 says that the training is over, and the signal that any process was sent."""
        if self.count == 1:
            return over, signal
        told = torch.tensor([int(over and self.leads), signal or 0])
        with _lost_named():
            distributed.all_reduce(told, distributed.ReduceOp.MAX)
        return bool(told[0]), int(told[1]) or None

    def total(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one type by their sums over all processes."""
        if self.count == 1 or not tensors:
            return
        together = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with _lost_named():
            distributed.all_reduce(together)
        for tensor, part in zip(tensors, together.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the tensors of rank 0."""
        if self.count == 1:
            return
        with _lost_named():
            for tensor in tensors:
                distributed.broadcast(tensor.data, 0)

    def together(self, work: Callable[[], Made], name: Callable[[Made], str]) -> Made:
        """Do the same work in every process; FourfloorError in all where it fails in one, or `name`s of it differ."""
        if self.count == 1:
            return work()
        error, made = None, None
        try:
            made = work()
            told = ("", name(made))
        except FourfloorError as caught:
            error, told = caught, (str(caught), "")
        everyone: list[tuple[str, str]] = [("", "")] * self.count
        with _lost_named():
            distributed.all_gather_object(everyone, told)
        if error is not None:
            raise error
        for rank, (failed, named) in enumerate(everyone):
            if failed:
                raise FourfloorError(f"process {rank}: {failed}")
            if named != everyone[0][1]:
                reason = f"process {rank} reads another recipe, dataset or checkpoint than process 0"
                raise FourfloorError(f"{reason}; keep them in a folder that all machines share")
        assert made is not None
        return made


@contextmanager
def _lost_named() -> Iterator[None]:
    """Turn what torch says where another process is gone into one line."""
    try:
        yield
    except RuntimeError as error:
        told = "another process of this training ended, so all stop"
        raise FourfloorError(f"{told}; what is saved is kept: run the same command with --resume") from error
