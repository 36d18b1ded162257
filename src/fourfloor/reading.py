"""Files of anybody's, opened for reading: regular ones only, so that a named pipe in an archive hangs no command."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

# A named pipe is opened without waiting for its other end; Windows has none, and reads bytes only where asked to.
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_file(path: Path) -> BinaryIO:
    """Open a regular file; OSError for anything else, without waiting for the other end of a pipe."""
    descriptor = os.open(path, OPEN_FLAGS)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        number, reason = (errno.EISDIR, "Is a directory") if stat.S_ISDIR(mode) else (errno.EINVAL, "Not a file")
        raise OSError(number, reason, os.fspath(path))
    return os.fdopen(descriptor, "rb")


def read_file(path: Path, most: int) -> bytes:
    """Read a regular file; OSError for anything else, and for one of more than `most` bytes."""
    with open_file(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"Larger than {most} bytes", os.fspath(path))
    return content
