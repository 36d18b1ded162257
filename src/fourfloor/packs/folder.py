"""A folder or a zip that appears whole or not at all.

Written in hiding, flushed to the disk, listed with its hashes in `pack.json`, and put in its place. What lies there is
replaced only on request, and only where it is a pack without other files in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from fourfloor.audio import display_name
from fourfloor.errors import FourfloorError
from fourfloor.reading import read_file
from fourfloor.saving import check_folder_name, sync_folder
from fourfloor.workspace import Workspace, finish_interrupted, resolved

MANIFEST = "pack.json"
_MAX_MANIFEST_BYTES = 1 << 26
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # a zip's zero: the same pack has the same bytes whenever it is written


@contextlib.contextmanager
def new_folder(out: Path, overwrite: bool, as_zip: bool) -> Iterator[Path]:
    """Give a folder to write in; move its files (or a zip of them) to `out` at the end, or leave nothing behind.

    Raise FourfloorError where `out` is taken or the disk refuses.
    """
    if not as_zip:
        if out.suffix.lower() == ".zip" and not os.path.lexists(out):
            raise FourfloorError(f"{display_name(out)}: pass --zip to write a zip file")
        check_folder_name(out)
    target = resolved(out)
    finish_interrupted(target, frozenset(_listed(target)))
    _check_target(target, overwrite, as_zip)
    try:
        with Workspace(target, frozenset(_listed(target))) as work:
            yield work.new
            _sync(work.new)
            if as_zip:
                _zip(work.new, work.scratch / target.name, target)
            else:
                work.place(last=MANIFEST)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise FourfloorError(f"{display_name(out)}: cannot write the pack ({reason}); choose another --out") from error


def files_in(folder: Path) -> list[str]:
    """Return all files below a folder, relative to it, sorted."""
    return sorted(str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if not path.is_dir())


def write_manifest(folder: Path, content: dict[str, Any]) -> None:
    """Write `pack.json`: what the pack is, and size and hash of every file in it."""
    files = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": _hash(folder / name)} for name in files_in(folder)
    }
    text = json.dumps({**content, "files": files}, indent=1)
    (folder / MANIFEST).write_bytes(text.encode() + b"\n")


def _check_target(out: Path, overwrite: bool, as_zip: bool) -> None:
    where = display_name(out)
    if not os.path.lexists(out):
        return
    if as_zip:
        if not out.is_file():
            raise FourfloorError(f"{where}: is not a file; choose another name for the zip")
        if not overwrite:
            raise FourfloorError(f"{where}: is there already; choose another --out or pass --overwrite")
        return
    if not out.is_dir():
        raise FourfloorError(f"{where}: is not a folder; choose another --out")
    names = {name for name in files_in(out) if not name.startswith(".")}
    if not names:
        return
    listed = _listed(out)
    if not listed:
        raise FourfloorError(f"{where}: is a folder without a pack in it; choose another --out")
    if not overwrite:
        raise FourfloorError(f"{where}: a pack is there already; choose another --out or pass --overwrite")
    if names - listed:
        other = display_name(min(names - listed))
        raise FourfloorError(f"{where}: holds {other}, which is not part of the pack; move it away first")


def _listed(out: Path) -> set[str]:
    """Return the files of the pack in a folder; an empty set where it holds none, or one that names other places."""
    try:
        names = {MANIFEST, *json.loads(read_file(out / MANIFEST, _MAX_MANIFEST_BYTES))["files"]}
        inside = all(not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts for name in names)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return set()
    return names if inside else set()


def _zip(folder: Path, archive: Path, out: Path) -> None:
    """Write a zip whose entries lie in a folder of its name, audio uncompressed; read it back and rename it."""
    with zipfile.ZipFile(archive, "x", strict_timestamps=True) as file:
        for name in files_in(folder):
            write_entry(file, f"{out.stem}/{name}", (folder / name).read_bytes())
    with zipfile.ZipFile(archive) as file:
        broken = file.testzip()
    if broken:
        raise FourfloorError(f"{display_name(out)}: {broken} was read back with other bytes; check the disk")
    with open(archive, "rb") as written:
        os.fsync(written.fileno())
    os.replace(archive, out)
    sync_folder(out.parent)


def write_entry(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file to a zip with a fixed time; what is compressed already, or barely would be, is stored."""
    entry = zipfile.ZipInfo(name, _EARLIEST)
    entry.external_attr = 0o644 << 16
    stored = name.endswith((".wav", ".flac", ".png", ".sf2", ".it", ".dawproject", ".h2drumkit"))
    entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def _hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    """See that all files and names below a folder are on disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            sync_folder(path)
        else:
            with open(path, "rb") as file:
                os.fsync(file.fileno())
    sync_folder(folder)
