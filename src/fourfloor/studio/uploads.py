"""Tracks that a page sends: streamed to the library's folder, bounded, and gone again where they are broken off."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import shutil
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi import Path as InPath

from fourfloor.audio import AUDIO_EXTENSIONS, display_name
from fourfloor.errors import FourfloorError
from fourfloor.studio.collection import UPLOADS
from fourfloor.studio.requests import PlainName

PATH = "/api/uploads/"
MAX_FILE = 512 * 1024 * 1024  # an hour of 24-bit stereo is 950 MB: tracks, not sets
MAX_UPLOAD = 8 * 1024**3  # of one folder
KEPT_FREE = 512 * 1024 * 1024  # of the disk
LONGEST_NAME = 120
Name = Annotated[PlainName, InPath()]


def add_routes(app: FastAPI, folder: Path) -> None:
    """Answer uploads."""

    @app.put(PATH + "{upload}/{name}", status_code=201)
    async def put(upload: Name, name: str, request: Request) -> dict[str, Any]:
        """Add a track to an upload, the file as the body; a track of that name is replaced."""
        place = folder / UPLOADS / upload
        target = place / safe_name(name)
        partial = place / f".{secrets.token_hex(8)}"
        try:
            place.mkdir(parents=True, exist_ok=True)
            size = await _receive(request, partial, _room(place))
            partial.replace(target)
        except OSError as error:
            reason = f"{target.name}: cannot be kept in {place} ({error.strerror})"
            raise FourfloorError(f"{reason}; free space, or make the folder writable") from None
        finally:
            with contextlib.suppress(OSError):  # the folder is gone, or holds other tracks
                partial.unlink(missing_ok=True)
                place.rmdir()
        return {"name": target.name, "bytes": size}


def safe_name(name: str) -> str:
    """Return a file name of a page as one of ours; 422 where it is not an audio file's."""
    plain = "".join(letter if letter.isprintable() and letter not in '/\\:*?"<>|' else "_" for letter in name).strip(
        ". "
    )
    stem, dot, ending = plain.rpartition(".")
    if not stem or f".{ending.lower()}" not in AUDIO_EXTENSIONS:
        raise HTTPException(422, f"{display_name(Path(plain or '_'))}: is not an audio file")
    if len(stem.encode()) > LONGEST_NAME:  # two names that begin alike stay two
        mark = hashlib.sha256(stem.encode()).hexdigest()[:8]
        stem = f"{stem.encode()[: LONGEST_NAME - 9].decode(errors='ignore')}-{mark}"
    return f"{stem}{dot}{ending}"


def source_of(folder: Path, upload: str | None, named: str | None) -> Path:
    """Return the folder of tracks that is meant: an upload's, or one of this machine; FourfloorError for none."""
    path = folder / UPLOADS / upload if upload else Path(os.path.expanduser(named or ""))
    if not (upload or named) or not path.is_dir():
        raise FourfloorError(
            f"{display_name(path)}: is not a folder; choose one with tracks, or drop files on the page"
        )
    return path.resolve()


async def _receive(request: Request, partial: Path, room: int) -> int:
    size = 0
    with open(partial, "xb") as file:
        async for piece in request.stream():
            size += len(piece)
            if size > min(MAX_FILE, room):
                raise HTTPException(
                    413, f"A track may have {MAX_FILE >> 20} MB, and {room >> 20} MB are free for this upload."
                )
            await asyncio.to_thread(file.write, piece)
    if not size:
        raise HTTPException(422, "The file is empty.")
    return size


def _room(place: Path) -> int:
    used = sum(map(_size, place.iterdir()))
    return max(0, min(MAX_UPLOAD - used, shutil.disk_usage(place).free - KEPT_FREE))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another request has just given it its name
        return 0
