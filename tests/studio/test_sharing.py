"""The sample map for live coding: loved loops, readable by other pages only where a person asked for that."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

from fourfloor.audio import write_loop
from fourfloor.studio.app import make_app
from fourfloor.studio.collection import Library

ELSEWHERE = {"origin": "https://strudel.cc"}


def client(folder: Path, shared: bool) -> Callable[..., httpx.Response]:
    library = Library(folder)
    for name, loved in (("a-0", True), ("a-1", False)):
        library.add_loop({"id": name, "title": name, "bpm": 126.0, "bars": 1, "faults": [], "tags": ["Dark room"]})
        library.change_loop(name, {"loved": loved})
        write_loop(library.path(name, "wav"), np.zeros((2, 84_000), np.float32), None)
    app = make_app(library, ["studio"], shared=shared)

    def ask(path: str, headers: dict[str, str] | None = None, method: str = "GET") -> httpx.Response:
        async def answer() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://studio") as visitor:
                return await visitor.request(method, path, headers=headers)

        return asyncio.run(answer())

    return ask


def test_other_pages_read_loved_loops_and_nothing_else(tmp_path: Path) -> None:
    ask = client(tmp_path, shared=True)
    told = ask("/samples/strudel.json", headers=ELSEWHERE)
    assert told.headers["access-control-allow-origin"] == "*"
    assert told.json() == {"_base": "http://studio/samples/", "loops": ["a-0.wav"], "Dark-room": ["a-0.wav"]}
    assert ask("/samples/a-0.wav", headers=ELSEWHERE).content[:4] == b"RIFF"
    assert ask("/samples/a-1.wav", headers=ELSEWHERE).status_code == 404
    for path in ("/api/state", "/api/loops/a-0/audio", "/"):
        assert ask(path, headers=ELSEWHERE).status_code == 403
    assert ask("/samples/a-0.wav", headers=ELSEWHERE, method="PUT").status_code == 403


@pytest.mark.parametrize("path", ["/samples/strudel.json", "/samples/a-0.wav"])
def test_nothing_is_shared_unasked(tmp_path: Path, path: str) -> None:
    ask = client(tmp_path, shared=False)
    assert ask(path, headers=ELSEWHERE).status_code == 403
    assert ask(path).status_code == 404
