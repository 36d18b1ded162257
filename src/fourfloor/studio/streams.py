"""Endless music for a page: a process makes it as fast as the page takes it, and ends when the page leaves.

Nothing is kept: samples wait in a pipe and in the connection, and the process waits until they are taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from fourfloor.errors import FourfloorError
from fourfloor.studio import models
from fourfloor.studio.requests import Stream

PATH = "/api/streams"
MOST = 4  # at once: each is a process with a model in it
_PIECE = 64 * 1024


class Streams:
    """The processes that make endless music for the pages of a library."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._playing: set[Process] = set()
        self._starting = 0

    async def open(self, wanted: Stream) -> Sound:
        """Start a process and return its sound; FourfloorError says why there is none, 429 that there are too many."""
        if self._starting + len(self._playing) >= MOST:
            raise HTTPException(429, f"{MOST} streams play already; stop one.")
        self._starting += 1
        try:
            process = await self._start(wanted)
        finally:
            self._starting -= 1
        self._playing.add(process)
        assert process.stdout is not None
        first = await process.stdout.read(_PIECE)
        if not first:
            _, said = await process.communicate()
            self.end(process)
            raise FourfloorError(
                said.decode(errors="replace").strip().rpartition("\n")[2] or "the stream ended at once"
            )
        return Sound(first, process, self)

    def end(self, process: Process) -> None:
        """End a process, where it has not ended."""
        self._playing.discard(process)
        with contextlib.suppress(ProcessLookupError):
            process.kill()

    def close(self) -> None:
        """End all processes."""
        for process in list(self._playing):
            self.end(process)

    async def _start(self, wanted: Stream) -> Process:
        code = f"import sys; sys.path[:] = {sys.path!a}; from fourfloor.__main__ import main; main()"
        style = ["--style", wanted.style] if wanted.style else []
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, "stream", "--format", "raw", "--model", wanted.model, "--bpm", repr(wanted.bpm),
            "--seed", wanted.seed, *style, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip


class Sound(StreamingResponse):
    """What a process makes, 16 bits, stereo, 44.1 kHz; the process ends with the answer, however that ends."""

    def __init__(self, first: bytes, process: Process, streams: Streams) -> None:
        super().__init__(_samples(first, process), media_type="application/octet-stream")
        self._process, self._streams = process, streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, until the page leaves."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.end(self._process)


def add_routes(app: FastAPI, folder: Path) -> Streams:
    """Answer pages that want to hear a stream."""
    streams = Streams(folder)

    @app.post(PATH, response_class=StreamingResponse)
    async def stream(wanted: Stream) -> Sound:
        """Play without end: 16 bits, stereo, 44.1 kHz, in steps of four bars, as fast as it is read."""
        models.check(folder, wanted.model)
        return await streams.open(wanted)

    return streams


async def _samples(first: bytes, process: Process) -> AsyncIterator[bytes]:
    assert process.stdout is not None
    piece = first
    while piece:
        yield piece
        piece = await process.stdout.read(_PIECE)
