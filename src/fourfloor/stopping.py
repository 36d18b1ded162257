"""Signals that ask a program to stop, and what is done about the first of them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_AGAIN_SECONDS = 0.005  # until a signal is tried again that came where nothing can be raised


class StopSignal(BaseException):
    """A signal asked this program to stop; not an `Exception`, so that only what ends the program catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


def stop_behind(error: BaseException) -> StopSignal | None:
    """Return the stop signal that an error came of: raised while a library cleans up, it may end as another error."""
    while not isinstance(error, StopSignal):
        if error.__context__ is None:
            return None
        error = error.__context__
    return error


def stop_signals() -> list[int]:
    """List the signals of Ctrl-C, `kill` and a closed terminal; the last one unless `nohup` ignores it."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        numbers.append(hangup)
    return list(numbers)


@contextmanager
def on_stop(act: Callable[[int], None]) -> Iterator[None]:
    """Call `act` with the number of a stop signal instead of dying of it; a second one takes its usual course.

    Outside the main thread, where Python knows no signals, this does nothing.
    """

    def first(number: int, frame: FrameType | None) -> None:
        if _loses_exceptions(frame):
            threading.Timer(_AGAIN_SECONDS, _send_again, [number]).start()
            return
        signal.signal(number, before[number])
        act(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in stop_signals()}
    try:
        for number in before:
            signal.signal(number, first)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _send_again(number: int) -> None:
    main = threading.main_thread().ident
    if main and hasattr(signal, "pthread_kill"):  # a signal to this thread would not wake the main one from a wait
        signal.pthread_kill(main, number)
    else:
        signal.raise_signal(number)


def _loses_exceptions(frame: FrameType | None) -> bool:
    """Return whether what is raised here goes no further: C called this code, to read a file or to free an object."""
    while frame is not None:
        name, file = frame.f_code.co_name, os.path.basename(frame.f_code.co_filename)
        if name == "__del__" or (name.startswith("vio_") and file == "soundfile.py"):
            return True
        frame = frame.f_back
    return False


def raise_stop(number: int) -> None:
    """Raise `StopSignal`, so that everything is left in order."""
    raise StopSignal(number)
