"""The log of a run: one JSON object a step, exact enough to compare two runs bit for bit."""

import errno
import json
import logging
import os
from math import isfinite
from pathlib import Path
from typing import Any

from fourfloor.errors import FourfloorError
from fourfloor.reading import open_file
from fourfloor.saving import SavingError, save_file

LOGGER = logging.getLogger(__name__)


class Log:
    """Append records to a JSON-lines file; on resuming, what came after the checkpoint is cut off first.

    Power that fails may leave less of the log than of the checkpoint: a warning names the lines and steps that are
    gone, and the log goes on.
    """

    def __init__(self, path: Path, from_step: int | None = None) -> None:
        kept = _up_to(path, from_step) if from_step is not None else []
        save_file(path, "".join(line + "\n" for line in kept).encode())
        self._path, self._file = path, path.open("ab", buffering=0)  # a buffer would fail again when it is closed

    def write(self, **record: object) -> None:
        """Add one record; floats are written with every digit, what is not finite as null. SavingError in one line."""
        for key, value in record.items():
            if isinstance(value, float) and not isfinite(value):
                record[key] = None
        line = (json.dumps(record) + "\n").encode()
        try:
            if self._file.write(line) < len(line):  # the rest did not fit
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            reason = f"cannot be written ({error.strerror}); free space, then go on with --resume"
            raise SavingError(self._path, reason) from None

    def sync(self) -> None:
        """Have what was written on the disk, so that the log is never older than a checkpoint saved afterward."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read(path: Path) -> list[dict[str, Any]]:
    """Return the records of a log; lines that are damaged or were cut short by a kill are left out."""
    return [record for line in _lines(path) if (record := _record(line)) is not None]


def _up_to(path: Path, step: int) -> list[str]:
    """Return the intact lines of a log up to a step; warn of what is not there."""
    lines = _lines(path)
    records = [(line, record) for line in lines if (record := _record(line)) is not None]
    kept = [(line, record["step"]) for line, record in records if record["step"] <= step]
    if len(records) < len(lines):
        LOGGER.warning("%s: damaged lines are left out: %d", path, len(lines) - len(records))
    missing = sorted(set(range(1, step + 1)) - {number for _, number in kept})
    if missing:
        LOGGER.warning(
            "%s: has no line for %d of the %d steps that the checkpoint has (%d-%d); the run continues without them",
            path, len(missing), step, missing[0], missing[-1],
        )  # fmt: skip
    return [line for line, _ in kept]


def _record(line: str) -> dict[str, Any] | None:
    """Parse one line; None where it is damaged."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    step = record.get("step") if isinstance(record, dict) else None
    return record if isinstance(step, int) and step >= 0 else None


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    try:
        with open_file(path) as file:
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError as error:
        raise FourfloorError(f"{path}: cannot be read ({error.strerror}); move it away") from None
    return [line for line in lines[:-1] if line]  # the piece after the last newline is unfinished
