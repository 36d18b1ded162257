"""The page's files, held in memory: what a browser asks for first is answered without a disk.

Every file lies at `/page/<its content's hash>/...`, too, which a browser keeps for good. The files name each other by
that address, so that a later visit asks for none of them, and an upgrade for all.
"""

from __future__ import annotations

import hashlib
import mimetypes
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import Response

FOLDER = Path(str(resources.files("fourfloor.studio") / "page"))
PATH = "/page/"
_TEXT = (".html", ".js", ".css")
_FOREVER, _ASK_AGAIN = "max-age=31536000, immutable", "no-cache"


class Page:
    """The files of a folder by their path below it, and the address under which they lie."""

    def __init__(self, folder: Path = FOLDER) -> None:
        found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        version = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:16]
        self.base = f"{PATH}{version}/"
        self._files = {name: self._placed(name, content) for name, content in found.items()}

    def text(self, name: str) -> str:
        """Return a file of text, which names the others by their address."""
        return self._files[name].decode()

    def answer(self, path: str) -> Response:
        """Answer with the file at `path`, with or without the version before it; 404 where there is none."""
        version, _, rest = path.partition("/")
        lasting = f"{PATH}{version}/" == self.base
        name = rest if lasting else path
        if name not in self._files:
            raise HTTPException(404, "This file does not exist.")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = {"cache-control": _FOREVER if lasting else _ASK_AGAIN}
        return Response(self._files[name], media_type=kind, headers=headers)

    def _placed(self, name: str, content: bytes) -> bytes:
        return content.replace(f'"{PATH}'.encode(), f'"{self.base}'.encode()) if name.endswith(_TEXT) else content


def add_routes(app: FastAPI, page: Page) -> None:
    """Answer what the page consists of."""

    @app.get(PATH + "{path:path}", include_in_schema=False)
    async def file(path: str) -> Response:
        return page.answer(path)
