"""Changes, told to every open page as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

SECONDS_OF_SILENCE = 15.0  # after which a comment shows that the connection stands
MAX_BEHIND = 1000  # events that a slow page may lack before it is told to load everything again


class Events:
    """Take changes from any thread; hand them to each listener in order."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[asyncio.Queue[str | None]] = set()

    def bind(self) -> None:
        """Hand events over on the running event loop from now on."""
        self._loop = asyncio.get_running_loop()

    def tell(self, kind: str, content: dict[str, Any]) -> None:
        """Tell every page of a change; from any thread."""
        text = f"event: {kind}\ndata: {json.dumps(content)}\n\n"
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._spread, text)

    def close(self) -> None:
        """End all streams; from any thread, or from a signal's handler."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end)

    async def listen(self, state: Callable[[], dict[str, Any]]) -> AsyncIterator[str]:
        """Yield the events from now on; the first carries the present state, which no other request need ask for."""
        listener: asyncio.Queue[str | None] = asyncio.Queue(MAX_BEHIND)
        self._listeners.add(listener)
        try:
            now = json.dumps(await asyncio.to_thread(state))
            yield f"retry: 1000\nevent: ready\ndata: {now}\n\n"
            while True:
                try:
                    text = await asyncio.wait_for(listener.get(), SECONDS_OF_SILENCE)
                except TimeoutError:
                    text = ": still here\n\n"
                if text is None:
                    return
                yield text
        finally:
            self._listeners.discard(listener)

    def _end(self) -> None:
        for listener in self._listeners:
            while listener.full():
                listener.get_nowait()
            listener.put_nowait(None)

    def _spread(self, text: str) -> None:
        for listener in list(self._listeners):
            if listener.full():  # it connects again, and loads everything then
                self._listeners.discard(listener)
                listener.get_nowait()
                listener.put_nowait(None)
            else:
                listener.put_nowait(text)
