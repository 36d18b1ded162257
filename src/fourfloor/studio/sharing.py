"""Loved loops as a sample map for live coding: pages of other origins may read these, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse

from fourfloor.audio import plain_word
from fourfloor.studio.collection import Library
from fourfloor.studio.loops import file
from fourfloor.studio.requests import LoopId

PATH = "/samples/"
ALL = "loops"  # the name under which every loved loop is found; tags are the other names
OPEN = {"access-control-allow-origin": "*"}


def add_routes(app: FastAPI, library: Library) -> None:
    """Answer Strudel and what reads its sample maps."""

    @app.get(PATH + "strudel.json")
    def strudel(request: Request) -> JSONResponse:
        """The loved loops as Strudel's sample map: all of them, and those of each tag."""
        named: dict[str, Any] = defaultdict(list)
        for row in filter(lambda row: row["loved"], library.loops()):
            for name in dict.fromkeys([ALL, *map(plain_word, row["tags"])]):
                named[name].append(f"{row['id']}.wav")
        return JSONResponse({"_base": str(request.base_url) + PATH.strip("/") + "/", **named}, headers=OPEN)

    @app.get(PATH + "{loop}.wav", response_class=FileResponse)
    def sample(loop: Annotated[LoopId, InPath()]) -> FileResponse:
        """A loved loop."""
        row = next((row for row in library.loops() if row["id"] == loop and row["loved"]), None)
        if row is None:
            raise HTTPException(404, "This loop is not loved.")
        answer = file(library.path(loop, "wav"), "audio/wav", f"{row['title']}.wav")
        answer.headers.update(OPEN)
        return answer
