"""What a signal does to a training: a step is finished and saved, everything else is left at once."""

import signal
from collections.abc import Callable
from typing import TypeVar

from fourfloor.stopping import StopSignal

T = TypeVar("T")


class Stopped(Exception):  # noqa: N818 - asked for, not an error
    """A signal ended the training after everything was saved."""

    def __init__(self, number: int, step: int) -> None:
        self.exit_code = 128 + number
        if step:
            saved = f"after step {step}; all work is saved. Continue with --resume"
        else:
            saved = "before the first step; nothing was trained yet, start it again"
        super().__init__(f"stopped by {signal.Signals(number).name} {saved}")


class Interruption:
    """The signal that asked a training to stop, if any; to be called with its number."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._is_leaving = False

    def __call__(self, number: int) -> None:
        """Remember the signal, and leave what may be left for it."""
        self.number = number
        if self._is_leaving:
            raise StopSignal(number)

    def __bool__(self) -> bool:
        return self.number is not None

    def unless(self, work: Callable[[], T]) -> T | None:
        """Do what can be left at any moment; None where a signal came before its end."""
        self._is_leaving = True
        try:
            return None if self else work()
        except StopSignal:
            return None
        finally:
            self._is_leaving = False
