"""What the training tells whoever shows it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a run stands. `stage` names what goes on before and between the steps; `message` is a line to keep."""

    step: int = 0
    loss: float = 0.0
    elapsed: float = 0.0  # seconds of the run so far, preparation included
    share_done: float = 0.0  # 0-1, of the stage where there is one, else of the run
    validation: float | None = None
    message: str = ""
    stage: str = ""
    seconds_left: float = 0.0
    collapsed: str = ""  # parts of the losses that have collapsed


OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Show nothing."""
