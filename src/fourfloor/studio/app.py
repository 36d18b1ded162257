"""The studio's server: what a page or a program may ask, over the library and its jobs. `docs/studio.md` lists it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles

from fourfloor import __version__
from fourfloor.errors import FourfloorError
from fourfloor.studio import blind, models, runs, uploads
from fourfloor.studio.blind import BlindTest
from fourfloor.studio.collection import Library
from fourfloor.studio.events import Events
from fourfloor.studio.guard import Guard
from fourfloor.studio.jobs import Jobs, QueueFullError
from fourfloor.studio.making import PACKS
from fourfloor.studio.requests import Job, LoopChange, LoopId, request_of

PAGE = Path(str(resources.files("fourfloor.studio") / "page"))
SECONDS_TO_TRY_AGAIN = 5
Id = Annotated[LoopId, InPath()]


def make_app(
    library: Library, hosts: Iterable[str] | None, token: str | None = None, test: BlindTest | None = None
) -> FastAPI:
    """Return the server of a library: an ASGI application that answers `hosts` only, and asks for `token`."""
    events = Events()
    jobs = Jobs(library, events.tell)

    @contextlib.asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        events.bind()
        yield
        jobs.close()

    app = FastAPI(title="fourfloor studio", version=__version__, lifespan=living, docs_url=None, redoc_url=None)
    app.state.events = events
    _add_page(app)
    _add_state(app, library, jobs, events)
    _add_loops(app, library, events)
    _add_jobs(app, library, jobs)
    runs.add_routes(app, library.folder)
    uploads.add_routes(app, library.folder)
    if test is not None:
        blind.add_routes(app, test, PAGE)
    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    app.add_exception_handler(FourfloorError, _mistake)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(Guard, hosts=hosts, token=token, upload_path=uploads.PATH)
    return app


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        text = (PAGE / "index.html").read_text(encoding="utf-8")
        return HTMLResponse(text.replace("{{nonce}}", request.state.nonce), headers={"cache-control": "no-store"})


def _add_state(app: FastAPI, library: Library, jobs: Jobs, events: Events) -> None:
    @app.get("/api/state")
    def state() -> dict[str, Any]:
        """Everything a page shows when it opens."""
        return {
            "version": __version__, "models": models.playable(library.folder), "loops": library.loops(),
            "jobs": library.jobs(), "datasets": runs.datasets(library.folder), "runs": runs.names(library.folder),
        }  # fmt: skip

    @app.get("/api/events")
    async def changes() -> StreamingResponse:
        """Changes as server-sent events: `loop` and `job` carry a row each."""
        return StreamingResponse(events.listen(), media_type="text/event-stream", headers={"cache-control": "no-store"})


def _add_loops(app: FastAPI, library: Library, events: Events) -> None:
    @app.get("/api/loops")
    def loops(deleted: bool = False) -> list[dict[str, Any]]:
        """All loops, the newest first; with `deleted` those that were deleted."""
        return library.loops(deleted)

    @app.patch("/api/loops/{loop}")
    def change(loop: Id, wanted: LoopChange) -> dict[str, Any]:
        """Love a loop, tag it, or give it another title."""
        return _told(events, library.change_loop(_known(library, loop), wanted.model_dump(exclude_none=True)))

    @app.delete("/api/loops/{loop}")
    def delete(loop: Id) -> dict[str, Any]:
        """Hide a loop; its files stay, and `restore` brings it back."""
        return _told(events, library.change_loop(_known(library, loop), {"deleted_at": time.time()}))

    @app.post("/api/loops/{loop}/restore")
    def restore(loop: Id) -> dict[str, Any]:
        """Bring a deleted loop back."""
        return _told(events, library.change_loop(_known(library, loop), {"deleted_at": None}))

    @app.get("/api/loops/{loop}/audio")
    def audio(loop: Id) -> FileResponse:
        """The loop's file, as it is exported."""
        row = library.loop(_known(library, loop))
        return _file(library.path(loop, "wav"), "audio/wav", f"{row['title']}.wav")

    @app.get("/api/loops/{loop}/spectrogram")
    def spectrogram(loop: Id) -> FileResponse:
        """A picture of the loop, 40 Hz - 18 kHz."""
        return _file(library.path(_known(library, loop), "png"), "image/png")

    @app.get("/api/loops/{loop}/outline")
    def outline(loop: Id) -> list[float]:
        """The peaks of the waveform, for a picture of it."""
        values: list[float] = json.loads(library.path(_known(library, loop), "json").read_bytes())["outline"]
        return values


def _add_jobs(app: FastAPI, library: Library, jobs: Jobs) -> None:
    @app.post("/api/jobs", status_code=202)
    def add(wanted: Job) -> JSONResponse:
        """Put a job in line; its progress comes as events."""
        request = request_of(wanted.job)
        if "model" in request:
            models.check(library.folder, request["model"])
        if "loop" in request:
            request["title"] = library.loop(_known(library, request["loop"]))["title"]
        if wanted.job.kind == "ingest":
            request["folder"] = str(uploads.source_of(library.folder, request.pop("upload"), request["folder"]))
        try:
            return JSONResponse(jobs.add(wanted.job.kind, request), 202)
        except QueueFullError:
            text = {"detail": "Too many jobs are waiting; try again in a moment."}
            return JSONResponse(text, 429, {"retry-after": str(SECONDS_TO_TRY_AGAIN)})

    @app.delete("/api/jobs/{job}")
    def cancel(job: Id) -> dict[str, Any]:
        """Cancel a job; what it made already stays."""
        jobs.cancel(job)
        return {}

    @app.get("/api/packs/{job}")
    def packed(job: Id) -> FileResponse:
        """The zip that a `pack` job made."""
        return _file(library.folder / PACKS / f"{job}.zip", "application/zip", "fourfloor-pack.zip")


def _known(library: Library, loop: str) -> str:
    try:
        return str(library.loop(loop)["id"])
    except FourfloorError as error:
        raise HTTPException(404, str(error)) from None


def _told(events: Events, row: dict[str, Any]) -> dict[str, Any]:
    events.tell("loop", row)
    return row


def _file(path: Path, kind: str, name: str | None = None) -> FileResponse:
    if not path.is_file():
        raise HTTPException(404, "There is no such file.")
    return FileResponse(path, media_type=kind, filename=name, content_disposition_type="inline")


async def _mistake(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 422)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "job"))
    return JSONResponse({"detail": f"{where}: {first['msg']}"}, 422)
