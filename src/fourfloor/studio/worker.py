"""The worker process: one job at a time, asked for and told about in lines of JSON.

In: a job on standard input. Out: events on standard output, the last of them `done` or `failed`. A crash of the worker
ends one job; the end of its standard input ends the worker.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, BinaryIO

from fourfloor.errors import FourfloorError
from fourfloor.stopping import StopSignal, on_stop, raise_stop

LANES: dict[str, tuple[str, ...]] = {
    "loops": (
        "generate", "vary", "fill", "extend", "morph", "rekit", "stems", "midi", "passage", "import", "pack",
    ),
    "training": ("ingest", "train"),
}  # fmt: skip
WARM = "warm"
SECONDS_BETWEEN = 0.1  # two tellings of the same job's progress
# For a worker to end when it is stopped: a training saves its state, what loops are made is saved one by one.
PATIENCE_SECONDS = {"loops": 2.0, "training": 60.0}
Say = Callable[..., None]


class Worker:
    """A worker process, started when there is a job and again after it ended."""

    def __init__(self, folder: Path, lane: str) -> None:
        self._folder, self._patience = folder, PATIENCE_SECONDS[lane]
        self._process: subprocess.Popen[bytes] | None = None
        self._sending = threading.Lock()  # jobs come from one thread, but pages warm the worker from others

    def do(self, job: dict[str, Any]) -> Generator[dict[str, Any], None, None]:
        """Do a job and yield its events; FourfloorError says why it failed. Close it to leave the job undone."""
        process = self._send(job)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                message = json.loads(line)
                if message["event"] == "failed":
                    raise FourfloorError(message["text"])
                if message["event"] == "done":
                    return
                yield message
        except GeneratorExit:  # what the process still says would pass for events of the next job
            process.kill()
            process.wait()
            raise
        process.wait()
        raise FourfloorError(f"the worker process ended ({ending(process.returncode)}); try again")

    def warm(self) -> None:
        """Start the process, where there is none, and let it load what most jobs need; it answers nothing."""
        if self._process is None or self._process.poll() is not None:
            self._send({"kind": WARM})

    def stop(self) -> None:
        """Ask the worker to leave everything in order and end; kill it where that takes too long."""
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            threading.Timer(self._patience, process.kill).start()

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):
                    stream.close()  # type: ignore[union-attr]

    def _send(self, job: dict[str, Any]) -> subprocess.Popen[bytes]:
        with self._sending:
            process = self._started()
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # ended already: what follows says so
                process.stdin.write(json.dumps(job).encode() + b"\n")
                process.stdin.flush()
        return process

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.end()
            code = f"import sys; sys.path[:] = {sys.path!a}; from fourfloor.studio.worker import serve; serve()"
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", code], cwd=self._folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    start_new_session=True,  # Ctrl-C in the terminal reaches the server alone, which stops the workers
                )  # fmt: skip
            except OSError as error:
                reason = f"{self._folder}: no worker process can start there ({error.strerror})"
                raise FourfloorError(f"{reason}; put the folder back, or restart the studio") from None
        return self._process


def serve() -> None:
    """Be the worker: its current folder is the library's."""
    events = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints does not mix with the events
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_take, args=(sys.stdin.buffer, jobs), daemon=True).start()
    say = _Events(events)
    while True:
        with on_stop(raise_stop):
            try:
                _do(json.loads(jobs.get()), say)
            except StopSignal as stop:
                sys.stderr.flush()
                os._exit(stop.exit_code)  # an ordinary exit would abort: a thread reads standard input


def _do(job: dict[str, Any], say: Say) -> None:
    from fourfloor.studio import changing, making, models, own, training

    kinds: dict[str, Callable[[dict[str, Any], Say], None]] = {
        "generate": making.generate, "vary": changing.vary, "fill": changing.fill, "extend": changing.extend,
        "morph": changing.morph, "rekit": changing.rekit, "stems": changing.stems, "midi": changing.midi,
        "passage": changing.passage, "import": own.take_in, "pack": making.pack,
        "ingest": training.ingest, "train": training.train,
    }  # fmt: skip
    if job["kind"] == WARM:
        making.model_of(models.BUNDLED)
        return
    try:
        kinds[job["kind"]](job, say)
        say("done")
    except FourfloorError as error:
        say("failed", text=str(error))
    except Exception as error:  # a bug: the job fails aloud, and the terminal shows where
        traceback.print_exc()
        say("failed", text=f"this is a bug in fourfloor ({type(error).__name__}: {error}); the terminal shows more")


class _Events:
    """Write events as lines, from any thread; of a job's progress no more than anyone can see."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._told, self._writing = stream, 0.0, threading.Lock()

    def __call__(self, event: str, **content: Any) -> None:
        with self._writing:
            if event == "progress":
                if time.monotonic() - self._told < SECONDS_BETWEEN and content["done"] < content["total"]:
                    return
                self._told = time.monotonic()
            self._stream.write(json.dumps({"event": event, **content}).encode() + b"\n")
            self._stream.flush()


def _take(stream: BinaryIO, jobs: queue.SimpleQueue[bytes]) -> None:
    """Put jobs into the queue; end this process, whatever it is doing, when the server has ended."""
    for line in stream:
        jobs.put(line)
    os._exit(1)


def ending(code: int) -> str:
    """Say how a process ended: "SIGKILL", or "exit code 1"."""
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
