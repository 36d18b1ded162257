"""The studio's server: what a page or a program may ask, over the library and its jobs. `docs/studio.md` lists it."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse

from fourfloor import __version__
from fourfloor.errors import FourfloorError
from fourfloor.studio import blind, loops, models, pages, runs, sharing, streams, uploads
from fourfloor.studio.blind import BlindTest
from fourfloor.studio.collection import Library
from fourfloor.studio.events import Events
from fourfloor.studio.guard import Guard
from fourfloor.studio.jobs import Jobs, QueueFullError
from fourfloor.studio.making import PACKS
from fourfloor.studio.requests import Job, LoopId, Refusal, request_of

SECONDS_TO_TRY_AGAIN = 5
REFUSALS = {
    400: "The body is not JSON", 403: "Another page, another name of this machine, or no token", 404: "No such thing",
    408: "The body stopped in the middle", 413: "Too large", 416: "No such range", 422: "Not what is expected",
    429: "Too many jobs wait, or streams play",
}  # fmt: skip
Id = Annotated[LoopId, InPath()]


def make_app(
    library: Library, hosts: Iterable[str] | None, token: str | None = None, test: BlindTest | None = None,
    *, shared: bool = False,
) -> FastAPI:  # fmt: skip
    """Return the server of a library: an ASGI application that answers `hosts` only, and asks for `token`.

    With `shared` other pages may read loved loops as a sample map.
    """
    events = Events()
    jobs = Jobs(library, events.tell)
    page = pages.Page()

    @contextlib.asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        events.bind()
        jobs.warm()
        yield
        sounding.close()
        jobs.close()

    app = FastAPI(
        title="fourfloor studio", version=__version__, lifespan=living, docs_url=None, redoc_url=None,
        responses={status: {"model": Refusal, "description": reason} for status, reason in REFUSALS.items()},
    )  # fmt: skip
    sounding = streams.add_routes(app, library.folder)
    app.state.endless = (events, sounding)
    _add_page(app, page, jobs)
    _add_state(app, library, jobs, events)
    loops.add_routes(app, library, events.tell)
    _add_jobs(app, library, jobs)
    runs.add_routes(app, library.folder)
    uploads.add_routes(app, library.folder)
    if test is not None:
        blind.add_routes(app, test, page)
    if shared:
        sharing.add_routes(app, library)
    pages.add_routes(app, page)
    app.add_exception_handler(FourfloorError, _mistake)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(
        Guard, hosts=hosts, token=token, upload_path=uploads.PATH, open_path=sharing.PATH if shared else ""
    )
    return app


def _add_page(app: FastAPI, page: pages.Page, jobs: Jobs) -> None:
    text = page.text("index.html")

    @app.get("/", include_in_schema=False)
    def index(request: Request) -> HTMLResponse:
        jobs.warm()
        return HTMLResponse(text.replace("{{nonce}}", request.state.nonce), headers={"cache-control": "no-store"})


def _add_state(app: FastAPI, library: Library, jobs: Jobs, events: Events) -> None:
    @app.get("/api/state")
    def state() -> dict[str, Any]:
        """Everything a page shows when it opens."""
        return {
            "version": __version__, "models": models.playable(library.folder), "loops": library.loops(),
            "jobs": jobs.latest(), "datasets": runs.datasets(library.folder), "runs": runs.names(library.folder),
            "grid": library.grid(), "torch": importlib.util.find_spec("torch") is not None,
        }  # fmt: skip

    @app.get("/api/events", response_class=StreamingResponse)
    async def changes() -> StreamingResponse:
        """Changes as server-sent events: `ready` carries the state that they follow, `loop` and `job` a row each."""
        told = events.listen(state)
        return StreamingResponse(told, media_type="text/event-stream", headers={"cache-control": "no-store"})


def _add_jobs(app: FastAPI, library: Library, jobs: Jobs) -> None:
    @app.post("/api/jobs", status_code=202)
    def add(wanted: Job) -> JSONResponse:
        """Put a job in line; its progress comes as events."""
        request = _checked(library, wanted)
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

    @app.get("/api/packs/{job}", response_class=FileResponse)
    def packed(job: Id) -> FileResponse:
        """The zip that a `pack` job made."""
        return loops.file(library.folder / PACKS / f"{job}.zip", "application/zip", "fourfloor-pack.zip")


def _checked(library: Library, wanted: Job) -> dict[str, Any]:
    """Return a request as the worker takes it: with what the library knows of its loops, model and folder."""
    kind, request = wanted.job.kind, request_of(wanted.job)
    if "model" in request:
        models.check(library.folder, request["model"])
    if "other" in request:
        loops.known(library, request["other"])
    if "loop" in request:
        row = library.loop(loops.known(library, request["loop"]))
        request["title"] = row["title"]
        if kind == "passage":
            request |= {"nearest": row["nearest"], "model": row["model"] or ""}
    if kind == "import":
        uploads.source_of(library.folder, request["upload"], None)
    if kind == "ingest":
        request["folder"] = str(uploads.source_of(library.folder, request.pop("upload"), request["folder"]))
    return request


async def _mistake(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 422)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "job"))
    if first["type"] == "json_invalid":
        where = "the body"
    return JSONResponse({"detail": f"{where or 'the body'}: {first['msg']}"}, 422)
