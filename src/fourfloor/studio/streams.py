"""Endless music for a page: a process makes it as fast as the page takes it, and ends when the page leaves.

Nothing is kept: samples wait in a pipe and in the connection, and the process waits until they are taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from fourfloor.errors import FourfloorError
from fourfloor.studio import models
from fourfloor.studio.requests import Ending, Stream
from fourfloor.studio.worker import ending

PATH = "/api/streams"
NUMBER = "x-stream"  # names the stream in the answer, so that the page can ask why it ended
MOST = 4  # at once: each is a process with a model in it
_MOST_ENDED = 32  # whose reasons are kept
_PIECE = 64 * 1024
_SAID = 16 * 1024  # the end of what a process says


@dataclass
class Playing:
    """A process that makes a stream, and the reading of what it says meanwhile: a full pipe would stop it."""

    process: Process
    saying: asyncio.Task[str]

    async def reason(self) -> str:
        """Wait until it has ended, and say why in one line; what a bug printed goes to the terminal."""
        said, code = await self.saying, await self.process.wait()
        line = said.strip().rpartition("\n")[2].removeprefix("fourfloor: ")
        if code == 1:
            print(said, file=sys.stderr)
            return "this is a bug in fourfloor; the terminal shows more"
        return line if code > 1 and line else f"its process ended ({ending(code)})"


class Streams:
    """The processes that make endless music for the pages of a library."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._playing: set[Process] = set()
        self._starting = 0
        self._ended: dict[str, str] = {}

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
        assert process.stderr is not None
        playing = Playing(process, asyncio.create_task(_end_of(process.stderr)))
        first = await process.stdout.read(_PIECE)
        if not first:
            self._playing.discard(process)
            raise FourfloorError(await playing.reason())
        return Sound(first, playing, self)

    def end(self, process: Process) -> None:
        """End a process, where it has not ended."""
        self._playing.discard(process)
        with contextlib.suppress(ProcessLookupError):
            process.kill()

    def close(self) -> None:
        """End all processes."""
        for process in list(self._playing):
            self.end(process)

    def remember(self, number: str, reason: str) -> None:
        """Keep why a stream ended, until enough others have ended."""
        self._ended[number] = reason
        if len(self._ended) > _MOST_ENDED:
            del self._ended[next(iter(self._ended))]

    def why(self, number: str) -> str:
        """Return why a stream ended by itself; 404 where it did not, or long ago."""
        if number not in self._ended:
            raise HTTPException(404, "This stream has not ended by itself.")
        return self._ended[number]

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

    def __init__(self, first: bytes, playing: Playing, streams: Streams) -> None:
        self.number = secrets.token_hex(8)
        self._first, self._playing, self._streams = first, playing, streams
        super().__init__(self._samples(), media_type="application/octet-stream", headers={NUMBER: self.number})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, until the page leaves."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.end(self._playing.process)

    async def _samples(self) -> AsyncIterator[bytes]:
        source = self._playing.process.stdout
        assert source is not None
        piece = self._first
        while piece:
            yield piece
            piece = await source.read(_PIECE)
        self._streams.remember(self.number, await self._playing.reason())


def add_routes(app: FastAPI, folder: Path) -> Streams:
    """Answer pages that want to hear a stream, and those whose stream has ended."""
    streams = Streams(folder)

    @app.post(PATH, response_class=StreamingResponse)
    async def stream(wanted: Stream) -> Sound:
        """Play without end: 16 bits, stereo, 44.1 kHz, in steps of four bars, as fast as it is read."""
        models.check(folder, wanted.model)
        return await streams.open(wanted)

    @app.get(PATH + "/{number}")
    def why(number: str) -> Ending:
        """Say why a stream ended by itself; the header `x-stream` of its answer holds its number."""
        return Ending(reason=streams.why(number))

    return streams


async def _end_of(stream: asyncio.StreamReader) -> str:
    """Read a stream until it ends, and return its end."""
    said = b""
    while piece := await stream.read(_PIECE):
        said = (said + piece)[-_SAID:]
    return said.decode(errors="replace")
