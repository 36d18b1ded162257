"""Files that appear whole or not at all, whatever happens while they are written.

A file is written beside its place under a hidden name of ours, locked as long as its process lives, and renamed. What
a killed process left under such a name is removed by the next command that writes into the folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fourfloor.errors import FourfloorError

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]

_FILE_NAMES = (
    ".wav", ".wave", ".flac", ".aif", ".aiff", ".mp3", ".ogg", ".m4a", ".mid", ".zip", ".json", ".html", ".md", ".csv",
    ".safetensors", ".onnx", ".pt", ".ckpt",
)  # fmt: skip
_TEMPORARY = re.compile(r"\.fourfloor-[0-9a-f]{16}")


class SavingError(FourfloorError):
    """Say in one line which file could not be written, why, and what to do."""

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason

    def __reduce__(self) -> tuple[type[SavingError], tuple[Path, str]]:
        return type(self), (self.path, self.reason)  # crosses process boundaries


def save_file(path: Path, content: bytes) -> None:
    """Write a file beside its place, read it back, and move it there; SavingError in one line, nothing left behind."""
    try:
        with _temporary(path.parent) as (temporary, file):
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if temporary.read_bytes() != content:
                raise SavingError(path, "was read back with other bytes; check the disk")
            if sys.platform == "win32":
                file.close()  # an open file cannot be renamed there
            os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SavingError(path, f"cannot be written ({reason}); free space or choose another folder") from None


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open a new file under a name of ours and hold it, so that no other process takes it for a leftover."""
    while True:
        path = folder / temporary_name()
        try:
            with open(path, "xb") as file:
                if _lock(file.fileno()) is not False and path.exists():  # else swept before it was held: another name
                    yield path, file
                    return
        finally:
            path.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Return the folder of this user for what can be made or fetched again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "fourfloor"


def temporary_name() -> str:
    """Return a new name that says whose file it is: what has it may be removed unless a process holds it."""
    return f".fourfloor-{secrets.token_hex(8)}"


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left of `save_file` in a folder.

    Only files of names that `save_file` gives, and only those that no living process holds: where the system cannot
    tell, they stay.
    """
    with contextlib.suppress(OSError):
        names = [entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
        for name in filter(_TEMPORARY.fullmatch, names):
            with contextlib.suppress(OSError), open(folder / name, "rb") as file:
                if _lock(file.fileno()):
                    os.unlink(folder / name)


def _lock(descriptor: int) -> bool | None:
    """Lock an open file; False where another process holds it, None where the file system has no locks."""
    if fcntl is None:  # Windows: an open file cannot be removed there, which is lock enough
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def check_folder_name(folder: Path) -> None:
    """Raise FourfloorError where a folder that is not there has the name of a file, as in `--out loop.wav`."""
    for part in (folder, *folder.parents):
        if part.suffix.lower() in _FILE_NAMES and not os.path.lexists(part):
            raise FourfloorError(f"{part}: is the name of a file, but --out is a folder; try {part.with_suffix('')}")


@contextlib.contextmanager
def output_folder(folder: Path) -> Iterator[None]:
    """Make a folder to write into, without what killed processes left; FourfloorError in one line where one cannot.

    Folders that were made here and are empty in the end, because nothing was written, are removed.
    """
    check_folder_name(folder)
    with kept_if_filled(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _temporary(folder):
                pass
        except OSError as error:
            raise FourfloorError(f"{folder}: cannot write there ({error.strerror}); choose another --out") from None
        remove_leftovers(folder)
        yield


@contextlib.contextmanager
def growing_file(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a file whose content is of use wherever it stops; FourfloorError in one line where it cannot be written.

    Its folder is made where there is none. What was written stays when the block fails; a new file without any goes.
    """
    if path.is_dir():
        raise FourfloorError(f"{path}: is a folder; name a file in it")
    if path.exists() and not overwrite:
        raise FourfloorError(f"{path}: exists already; pass --overwrite, or choose another --out")
    with kept_if_filled(path.parent):
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True)
            with open(path, "wb" if overwrite else "xb") as file:
                yield file
        except OSError as error:
            if error.filename is not None and Path(error.filename) not in (path, *path.parents):
                raise  # another file that the block reads
            if path.is_file() and path.stat().st_size == 0:
                path.unlink()
            reason = error.strerror or type(error).__name__
            raise SavingError(path, f"cannot be written ({reason}); free space or choose another --out") from None


@contextlib.contextmanager
def kept_if_filled(folder: Path) -> Iterator[None]:
    """Remove in the end what was made of a folder and those above it, as far as it is empty."""
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        yield
    finally:
        for place in new:
            with contextlib.suppress(OSError):  # it is not empty, or was not made
                place.rmdir()


def move_file(source: Path, target: Path) -> None:
    """Move a file that is on disk to its place, replacing what is there, also on another file system."""
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        save_file(target, source.read_bytes())
        source.unlink()


def sync_folder(folder: Path) -> None:
    """See that names in a folder are on disk, too."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folders; it writes names down with the files
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
