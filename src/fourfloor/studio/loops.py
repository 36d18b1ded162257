"""What may be asked of the loops of a library: their rows, their files, and how they lie beside each other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, HTTPException
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from fourfloor.errors import FourfloorError
from fourfloor.studio import sounds
from fourfloor.studio.collection import PASSAGES, Library
from fourfloor.studio.requests import GridChange, LoopChange, LoopId

GRID_PLACES = 32  # eight columns, which play one loop each, in four rows
Id = Annotated[LoopId, InPath()]
Stem = Literal["kick", "drums", "bass", "music"]
OnEvent = Callable[[str, dict[str, Any]], None]


def add_routes(app: FastAPI, library: Library, tell: OnEvent) -> None:
    """Answer what is asked of loops; `tell` carries changes to every page."""
    _add_rows(app, library, tell)
    _add_files(app, library)
    _add_views(app, library, tell)


def _add_rows(app: FastAPI, library: Library, tell: OnEvent) -> None:
    def changed(loop: str, changes: dict[str, Any]) -> dict[str, Any]:
        with library.in_order:
            row = library.change_loop(known(library, loop), changes)
            tell("loop", row)
        return row

    @app.get("/api/loops")
    def loops(deleted: bool = False) -> list[dict[str, Any]]:
        """All loops, the newest first; with `deleted` those that were deleted."""
        return library.loops(deleted)

    @app.patch("/api/loops/{loop}")
    def change(loop: Id, wanted: LoopChange) -> dict[str, Any]:
        """Love a loop, tag it, or give it another title."""
        return changed(loop, wanted.model_dump(exclude_none=True))

    @app.delete("/api/loops/{loop}")
    def delete(loop: Id) -> dict[str, Any]:
        """Hide a loop; its files stay, and `restore` brings it back."""
        return changed(loop, {"deleted_at": time.time()})

    @app.post("/api/loops/{loop}/restore")
    def restore(loop: Id) -> dict[str, Any]:
        """Bring a deleted loop back."""
        return changed(loop, {"deleted_at": None})


def _add_files(app: FastAPI, library: Library) -> None:
    @app.get("/api/loops/{loop}/audio", response_class=FileResponse)
    def audio(loop: Id) -> FileResponse:
        """The loop's file, as it is exported."""
        row = library.loop(known(library, loop))
        return file(library.path(loop, "wav"), "audio/wav", f"{row['title']}.wav")

    @app.get("/api/loops/{loop}/spectrogram", response_class=FileResponse)
    def spectrogram(loop: Id) -> FileResponse:
        """A picture of the loop, 40 Hz - 18 kHz."""
        return file(library.path(known(library, loop), "png"), "image/png")

    @app.get("/api/loops/{loop}/outline")
    def outline(loop: Id) -> list[float]:
        """The peaks of the waveform, for a picture of it."""
        path = library.path(known(library, loop), "json")
        try:
            values: list[float] = json.loads(path.read_bytes())["outline"]
        except (OSError, ValueError, LookupError, TypeError):
            raise HTTPException(404, "The picture of this loop is gone or damaged.") from None
        return values

    @app.get("/api/loops/{loop}/stems/{stem}", response_class=FileResponse)
    def stem(loop: Id, stem: Stem) -> FileResponse:
        """A stem of the loop, once a job has made them."""
        title = library.loop(known(library, loop))["title"]
        where = library.path(loop, "wav").with_name(f"{loop}_stems") / f"{loop}_{stem}.wav"
        return file(where, "audio/wav", f"{title}_{stem}.wav")

    @app.get("/api/loops/{loop}/midi", response_class=FileResponse)
    def midi(loop: Id) -> FileResponse:
        """The drums and the bass of the loop as notes, once a job has written them."""
        title = library.loop(known(library, loop))["title"]
        return file(library.path(loop, "mid"), "audio/midi", f"{title}.mid")

    @app.get("/api/loops/{loop}/passage", response_class=FileResponse)
    def passage(loop: Id) -> FileResponse:
        """The training music nearest to the loop, once a job has found it."""
        return file(library.folder / PASSAGES / f"{known(library, loop)}.wav", "audio/wav")


def _add_views(app: FastAPI, library: Library, tell: OnEvent) -> None:
    def vectors() -> tuple[list[str], Any]:
        return sounds.read_vectors((row["id"], library.path(row["id"], sounds.VECTOR)) for row in library.loops())

    @app.get("/api/loops/{loop}/similar")
    def similar(loop: Id) -> list[str]:
        """The other loops, the most similar one first."""
        return sounds.nearest(known(library, loop), *vectors())

    @app.get("/api/map")
    def places() -> dict[str, list[float]]:
        """Where each loop lies on a plane, 0-1 each way: similar ones lie near each other."""
        return sounds.places(*vectors())

    @app.put("/api/grid/{place}")
    def put(place: Annotated[int, InPath(ge=0, lt=GRID_PLACES)], wanted: GridChange) -> dict[int, str]:
        """Put a loop on a place of the clip grid, or empty it."""
        with library.in_order:
            library.place_on_grid(place, wanted.loop and known(library, wanted.loop))
            grid = library.grid()
            tell("grid", {"grid": grid})
        return grid


def known(library: Library, loop: str) -> str:
    """Return the name of a loop of the library; 404 for another."""
    try:
        return str(library.loop(loop)["id"])
    except FourfloorError as error:
        raise HTTPException(404, str(error)) from None


def file(path: Path, kind: str, name: str | None = None) -> FileResponse:
    """Answer with a file of the library; 404 where it is gone."""
    if not path.is_file():
        raise HTTPException(404, "This file does not exist.")
    return FileResponse(path, media_type=kind, filename=name, content_disposition_type="inline")
