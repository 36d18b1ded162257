"""How a model is trained: the [training] table of a recipe, and the budget of one command."""

import time
from dataclasses import dataclass, field
from typing import Literal

from fourfloor.errors import FourfloorError


@dataclass(frozen=True, kw_only=True)
class Config:
    """How a model is trained. Periods of 0 mean never."""

    minutes: float = 60.0  # where the command line gives neither --minutes nor --steps
    batch_size: int = 24
    parts: int = 1  # of a batch, with random numbers of their own, to share among processes; 1: one for each process
    learning_rate: float = 1e-3
    optimizer: Literal["adamw", "muon"] = "adamw"  # muon: matrices by Muon (Jordan et al. 2024), the rest by AdamW
    betas: tuple[float, ...] = (0.9, 0.95)  # of AdamW
    weight_decay: float = 0.01
    warmup_steps: int = 100
    decay_share: float = 0.2  # of `--steps`, at the end, over which the rate falls to a tenth; not with `--minutes`
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 where the processor multiplies it, see `in_bf16`
    max_bad_steps: int = 10  # non-finite losses or gradients in a row before giving up
    validate_every: int = 200
    validation_batches: int = 4
    checkpoint_seconds: float = 60.0
    listen_seconds: float = 240.0
    check_every: int = 0  # steps between two checks of what the averaged model makes; the best step is the result
    patience: int = 4  # checks in a row that are no better before training stops
    only: str = ""  # the part whose weights move, such as "bass" of a prior; all that the rest measured stays
    seed: int = 0
    threads: int = 0  # 0: as many as torch chooses

    def __post_init__(self) -> None:
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise FourfloorError(f"betas {self.betas}: give two numbers from 0 to below 1")
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise FourfloorError(f"{name} {getattr(self, name)} is outside {low:g}-{high:g}")


_RANGES: dict[str, tuple[float, float]] = {
    "minutes": (0.01, 1e5), "batch_size": (1, 4096), "parts": (1, 4096),
    "learning_rate": (1e-8, 1), "weight_decay": (0, 10),
    "warmup_steps": (0, 1e6), "decay_share": (0, 1), "clip_norm": (1e-6, 1e6), "ema_decay": (0, 0.999999),
    "max_bad_steps": (1, 1e6), "validate_every": (0, 1e9), "validation_batches": (1, 1000),
    "check_every": (0, 1e9), "patience": (1, 1e6),
    "checkpoint_seconds": (0, 1e6), "listen_seconds": (0, 1e6), "seed": (0, 2**63 - 1), "threads": (0, 1024),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long a run is trained in all, with what it did before; None means no limit. Preparation counts as minutes."""

    steps: int | None = None
    minutes: float | None = None
    began: float = field(default_factory=time.monotonic)  # when the work of this command began

    def is_spent(self, step: int, elapsed: float) -> bool:
        """Return whether a run that has so many steps and seconds has reached its end; one step is always trained."""
        by_steps = self.steps is not None and step >= self.steps
        return by_steps or (self.minutes is not None and step > 0 and elapsed >= 60 * self.minutes)

    def share(self, step: int, elapsed: float) -> float:
        """Return the share of the work that is done, 0-1."""
        shares = [step / self.steps] if self.steps else []
        shares += [elapsed / (60 * self.minutes)] if self.minutes else []
        return min(1.0, max(shares, default=0.0))

    def seconds_left(self, step: int, elapsed: float, pace: float) -> float:
        """Return how long it takes until the end at `pace` seconds a step."""
        left = [pace * (self.steps - step)] if self.steps else []
        left += [60 * self.minutes - elapsed] if self.minutes else []
        return max(0.0, min(left, default=0.0))
