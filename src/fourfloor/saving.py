"""Files that appear whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from fourfloor.errors import FourfloorError


class SavingError(FourfloorError):
    """Say in one line which file could not be written, why, and what to do."""

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason

    def __reduce__(self) -> tuple[type[SavingError], tuple[Path, str]]:
        return type(self), (self.path, self.reason)  # crosses process boundaries


def save_file(path: Path, content: bytes) -> None:
    """Write a file beside its place, read it back, and move it there; SavingError in one line, nothing left behind."""
    temporary = path.with_name(f".fourfloor-{secrets.token_hex(8)}")
    try:
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if temporary.read_bytes() != content:
                raise SavingError(path, "was read back with other bytes; check the disk")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SavingError(path, f"cannot be written ({reason}); free space or choose another folder") from None


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
