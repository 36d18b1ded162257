"""Files of anybody's, opened for reading: regular ones only, so that a named pipe in an archive hangs no command."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import BinaryIO

# A named pipe is opened without waiting for its other end; Windows has none, and reads bytes only where asked to.
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
# Git LFS leaves a text of some 130 bytes in the place of a file that was not fetched.
LFS_BEGINS = b"version https://git-lfs.github.com/spec/"
LFS_REASON = "Git LFS left a pointer in its place; fetch the file: git lfs pull"
_LFS_BYTES = 1024  # at most, as its specification says
_MOST_INSIDE = 1000  # entries of a folder among which `nearby` looks


def open_file(path: Path) -> BinaryIO:
    """Open a regular file; OSError for anything else, without waiting for the other end of a pipe.

    What Git LFS left in the place of a file is an OSError, too.
    """
    descriptor = os.open(path, OPEN_FLAGS)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        is_folder = stat.S_ISDIR(status.st_mode)
        number, reason = (errno.EISDIR, "Is a directory") if is_folder else (errno.EINVAL, "Not a file")
        raise OSError(number, reason, os.fspath(path))
    file = os.fdopen(descriptor, "rb")
    if status.st_size <= _LFS_BYTES:
        if file.read(len(LFS_BEGINS)) == LFS_BEGINS:
            file.close()
            raise OSError(errno.EINVAL, LFS_REASON, os.fspath(path))
        file.seek(0)
    return file


def read_file(path: Path, most: int) -> bytes:
    """Read a regular file; OSError for anything else, and for one of more than `most` bytes."""
    with open_file(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"Larger than {most} bytes", os.fspath(path))
    return content


def nearby(path: Path, is_one: Callable[[Path], bool]) -> str:
    """Return "; perhaps you mean PLACE" for a folder around an existing path or in it that `is_one`, "" for none."""
    if not path.exists():
        return ""
    inside: list[Path] = []
    if path.is_dir() and os.access(path, os.R_OK):
        inside = sorted(each for each in islice(path.iterdir(), _MOST_INSIDE) if each.is_dir())
    found = next((place for place in [*list(path.parents)[:2], *inside] if is_one(place)), None)
    return "" if found is None else f"; perhaps you mean {found}"
