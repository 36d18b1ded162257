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

    @property
    def text(self) -> str:
        """Say in one line where the run stands: the stage, or step, losses and the time that is left."""
        if self.stage:
            return self.stage
        validation = "" if self.validation is None else f"  validation {self.validation:.4f}"
        collapsed = f"  collapsed: {self.collapsed}" if self.collapsed else ""
        left = f"{self.seconds_left / 60:.1f} min left"
        return f"step {self.step}  loss {self.loss:.4f}{validation}{collapsed}  {left}"


OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Show nothing."""
