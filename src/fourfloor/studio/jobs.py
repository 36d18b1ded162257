"""Jobs: one call each, done by a worker process, in order, with progress; their list outlives the server.

Loops and trainings have a worker each, so that a training of an hour lets loops be made meanwhile. A worker that dies
fails its job; the next job gets a new worker.
"""

from __future__ import annotations

import collections
import contextlib
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from fourfloor.errors import FourfloorError
from fourfloor.studio.collection import Library
from fourfloor.studio.worker import LANES, Worker

MAX_WAITING = 32
WAITING, RUNNING = "waiting", "running"
DONE, FAILED, CANCELED = "done", "failed", "canceled"
OnEvent = Callable[[str, dict[str, Any]], None]


class QueueFullError(Exception):
    """More jobs wait than are accepted: ask again later."""


class Jobs:
    """The queue of a library. `on_event(kind, content)` is called from other threads with what changes."""

    def __init__(self, library: Library, on_event: OnEvent) -> None:
        self._library, self._on_event = library, on_event
        self._changed = threading.Condition()
        self._waiting: dict[str, collections.deque[dict[str, Any]]] = {lane: collections.deque() for lane in LANES}
        self._running: dict[str, dict[str, Any]] = {}
        self._unsaved: dict[str, dict[str, Any]] = {}  # jobs whose last change the disk has not taken
        self._workers = {lane: Worker(library.folder, lane) for lane in LANES}
        self._closed = False
        for job in library.jobs():
            if job["state"] in (WAITING, RUNNING):  # the server ended meanwhile: its loops are kept
                self._waiting[_lane(job["kind"])].append({**job, "state": WAITING})
        self._threads = [threading.Thread(target=self._work, args=(lane,), daemon=True) for lane in LANES]
        for thread in self._threads:
            thread.start()

    def add(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        """Put a job in line; QueueFullError where too many wait."""
        job = {
            "id": secrets.token_hex(6), "kind": kind, "request": request, "state": WAITING, "done": 0.0, "total": 1.0,
            "text": "", "result": None, "made_at": time.time(),
        }  # fmt: skip
        with self._changed:
            if sum(map(len, self._waiting.values())) >= MAX_WAITING:
                raise QueueFullError
            self._library.save_job(job)  # first: a page shows no job that is refused
            self._on_event("job", shown(job))
            self._waiting[_lane(kind)].append(job)
            self._changed.notify_all()
        return job

    def latest(self) -> list[dict[str, Any]]:
        """List the jobs that were asked for last, as pages were told of them: a full disk hides no end of a job."""
        with self._changed:
            self._save_late()
            return [shown(self._unsaved.get(job["id"], job)) for job in self._library.jobs()]

    def warm(self) -> None:
        """Let the worker of loops load the bundled model where it has ended, so that no job need wait for it."""
        with self._changed, contextlib.suppress(FourfloorError):  # the next job says why no worker can start
            if not self._closed:
                self._workers["loops"].warm()

    def cancel(self, number: str) -> None:
        """Take a job out of the line, or stop it: loops that are made stay, a training saves its state."""
        with self._changed:
            for lane, line in self._waiting.items():
                for job in [job for job in line if job["id"] == number]:
                    line.remove(job)
                    self._tell(job, state=CANCELED, text="canceled")
                if lane in self._running and self._running[lane]["id"] == number:
                    self._running[lane]["canceled"] = True
                    self._workers[lane].stop()
                    self._tell(self._running[lane], text="stopping; what is done stays")

    def close(self) -> None:
        """Stop all workers; jobs that are not done wait for the next server."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._save_late()
        for worker in self._workers.values():
            worker.stop()
        for thread in self._threads:
            thread.join(20)
        for worker in self._workers.values():
            worker.end()

    def _work(self, lane: str) -> None:
        while job := self._next(lane):
            self._do(lane, job)

    def _next(self, lane: str) -> dict[str, Any] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting[lane])
            if self._closed:
                return None
            job = self._running[lane] = self._waiting[lane].popleft()
            return job

    def _do(self, lane: str, job: dict[str, Any]) -> None:
        try:
            self._update(job, state=RUNNING)
            with contextlib.closing(self._workers[lane].do(job)) as messages:
                for message in messages:
                    self._take(job, message)
            state, text = DONE, job["text"]
        except FourfloorError as error:
            state, text = FAILED, str(error)
        with self._changed:
            del self._running[lane]
            if self._closed and state == FAILED:
                return  # it goes on with the next server
            if job.pop("canceled", False):
                state, text = CANCELED, "canceled"
            self._tell(job, state=state, text=text)
        if lane == "loops":
            self.warm()  # where it was canceled or crashed, the next job finds the model loaded again

    def _take(self, job: dict[str, Any], message: dict[str, Any]) -> None:
        kind = message.pop("event")
        if kind == "loop":
            with self._library.in_order:
                self._on_event("loop", self._library.add_loop(message))
        elif kind == "parts":
            with self._library.in_order:
                self._on_event("loop", self._library.add_parts(message["loop"], message["parts"]))
        elif kind == "progress":
            self._update(job, **message)
        else:
            self._update(job, result=message)

    def _update(self, job: dict[str, Any], **changes: Any) -> None:
        """Change a job; FourfloorError where the library cannot be written."""
        job.update(changes)
        self._on_event("job", shown(job))
        self._library.save_job(job)

    def _tell(self, job: dict[str, Any], **changes: Any) -> None:
        """Change a job whether or not the library can be written; what it does not take is saved later."""
        try:
            self._update(job, **changes)
        except FourfloorError:
            self._unsaved[job["id"]] = job

    def _save_late(self) -> None:
        with contextlib.suppress(FourfloorError):  # still full
            for number in list(self._unsaved):
                self._library.save_job(self._unsaved[number])
                del self._unsaved[number]


def shown(job: dict[str, Any]) -> dict[str, Any]:
    """Return what clients see of a job."""
    return {name: value for name, value in job.items() if name != "canceled"}


def _lane(kind: str) -> str:
    return next(lane for lane, kinds in LANES.items() if kind in kinds)
