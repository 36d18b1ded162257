"""Trainings in processes of their own, several at a time: what goes wrong in one leaves the others alone."""

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from fourfloor.api.training import TrainRequest, train
from fourfloor.errors import FourfloorError
from fourfloor.runs.folder import is_claimed
from fourfloor.stopping import on_stop, stop_signals
from fourfloor.training.interruption import Stopped
from fourfloor.training.progress import Progress
from fourfloor.training.state import DivergedError

TELL_SECONDS = 0.5  # between two reports of a training
PATIENCE_SECONDS = 120.0  # for a training whose parent was killed to save and let go of its run
OnProgress = Callable[[Path, float, str], None]


@dataclass(frozen=True)
class Failure:
    """Why a training did not reach its end.

    `diverged` when more of the same would not either; `is_bug` when its traceback went to standard error.
    """

    message: str
    diverged: bool = False
    is_bug: bool = False


@dataclass
class _Running:
    process: BaseProcess
    run: Path


def train_all(
    groups: Sequence[Sequence[TrainRequest]], jobs: int, on_progress: OnProgress = lambda run, share, text: None
) -> dict[Path, Failure]:
    """Train every group, its members at the same time; return what failed, by run.

    `jobs` processes run at a time, more only where a single group has more members. An exception in this process,
    also one that a signal raises, stops all of them after they saved.
    """
    waiting = list(groups)
    running: dict[Connection, _Running] = {}
    failures: dict[Path, Failure] = {}
    try:
        while waiting or running:
            while waiting and (not running or len(running) + len(waiting[0]) <= jobs):
                for request in waiting.pop(0):
                    running |= _start(request)
            for connection in wait(list(running), timeout=1.0):
                assert isinstance(connection, Connection)
                _receive(connection, running, failures, on_progress)
    finally:
        for member in running.values():
            member.process.terminate()  # SIGTERM: the loop saves first
        for member in running.values():
            member.process.join()
    return failures


def _start(request: TrainRequest) -> dict[Connection, _Running]:
    _await_release(request.run)
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(request, sending), daemon=True)
    process.start()
    sending.close()  # the other end is the process's alone: its end arrives as EOF
    return {receiving: _Running(process, request.run)}


def _await_release(run: Path) -> None:
    """Wait while another process, such as one left behind by a kill, holds the run; not for ever."""
    until = time.monotonic() + PATIENCE_SECONDS
    while is_claimed(run) and time.monotonic() < until:
        time.sleep(0.2)


def _receive(
    connection: Connection, running: dict[Connection, _Running], failures: dict[Path, Failure], on_progress: OnProgress
) -> None:
    """Take one message of a training, or its end."""
    member = running[connection]
    try:
        kind, share, text = connection.recv()
    except EOFError:
        member.process.join()
        failures[member.run] = Failure(f"its process ended with exit code {member.process.exitcode}")
        kind = "ended"
    if kind == "progress":
        on_progress(member.run, share, text)
        return
    if kind in ("failed", "diverged", "bug"):
        failures[member.run] = Failure(text, diverged=kind == "diverged", is_bug=kind == "bug")
    member.process.join()
    connection.close()
    del running[connection]


def _work(request: TrainRequest, connection: Connection) -> None:
    """Train in this process and report to the parent; without a parent, save and end."""
    for number in stop_signals():
        if number != signal.SIGTERM:  # the parent's to decide
            signal.signal(number, signal.SIG_IGN)
    told = share = 0.0

    def tell(progress: Progress) -> None:
        nonlocal told, share
        if not (progress.stage or progress.message):
            share = progress.share_done
        if time.monotonic() - told < TELL_SECONDS:
            return
        told = time.monotonic()
        try:
            text = progress.message or progress.stage or f"step {progress.step}  loss {progress.loss:.4f}"
            connection.send(("progress", share, text))
        except OSError:
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        train(request, tell)
        message = ("done", 0.0, "")
    except DivergedError as error:
        message = ("diverged", 0.0, _one_line(error))
    except Stopped as stopped:
        message = ("failed", 0.0, str(stopped))
    except (FourfloorError, OSError, MemoryError) as error:
        message = ("failed", 0.0, _one_line(error))
    except Exception as error:  # the other trainings go on; the comparison says at its end that there was a bug
        traceback.print_exception(error)
        message = ("bug", 0.0, f"a bug: {type(error).__name__}: {_one_line(error)}")
    connection.send(message)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


class Interrupted(Exception):  # noqa: N818 - asked for, not an error
    """A signal ended the comparison; everything that was done is kept."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}, all work is saved")
        self.exit_code = 128 + signal_number


@contextmanager
def signals_raise() -> Iterator[None]:
    """Turn the signals that ask to stop into `Interrupted`, so that what runs is ended in order."""

    def interrupt(number: int) -> None:
        raise Interrupted(number)

    with on_stop(interrupt):
        yield
