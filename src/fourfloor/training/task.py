"""What the loop is told to train, and who hears of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from fourfloor.training.config import Config
from fourfloor.training.measuring import Batches
from fourfloor.training.progress import OnProgress, ignore
from fourfloor.training.ranks import Ranks

# Scores the averaged model at a step: lower is better, infinite without a result. The numbers behind it are logged.
Check = Callable[[nn.Module, int], tuple[float, dict[str, float]]]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is trained, on what, where it is kept, and who hears of it."""

    model: nn.Module
    batches: Batches
    config: Config
    run: Path
    meta: dict[str, Any]  # this and `constants` go into every checkpoint, so that it alone rebuilds the model
    constants: dict[str, Tensor] = field(default_factory=dict)
    device: str = "cpu"
    listen: Callable[[nn.Module, int], None] | None = None
    check: Check | None = None
    on_progress: OnProgress = ignore
    stop_on_signals: bool = True
    ranks: Ranks = field(default_factory=Ranks)  # the processes of the training, of which the first does all this
