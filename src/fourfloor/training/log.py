"""The log of a run: one JSON object a step, exact enough to compare two runs bit for bit."""

import json
import os
from math import isfinite
from pathlib import Path


class Log:
    """Append records to a JSON-lines file; on resuming, what came after the checkpoint is cut off first."""

    def __init__(self, path: Path, from_step: int | None = None) -> None:
        old = _lines(path) if from_step is not None else []
        kept = [line for line in old if json.loads(line)["step"] <= (from_step or 0)]
        temporary = path.with_suffix(".partial")
        temporary.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        os.replace(temporary, path)
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, **record: object) -> None:
        """Add one record; floats are written with every digit, what is not finite as null."""
        for key, value in record.items():
            if isinstance(value, float) and not isfinite(value):
                record[key] = None
        self._file.write(json.dumps(record) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read(path: Path) -> list[dict[str, float]]:
    """Return the records of a log; a last line cut short by a kill is left out."""
    return [json.loads(line) for line in _lines(path)]


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [line for line in lines[:-1] if line]  # the piece after the last newline is unfinished
