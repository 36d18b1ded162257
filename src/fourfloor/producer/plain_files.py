"""The folder of plain files beside a produced dataset: events.jsonl, and WAV, stems and MIDI where asked for."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from fourfloor.errors import FourfloorError
from fourfloor.producer.writing import stem_of
from fourfloor.saving import move_file, save_file
from fourfloor.workspace import visible_names

EVENTS, STEMS = "events.jsonl", "_stems"


@contextlib.contextmanager
def check_files(files: Path, replace: bool) -> Iterator[None]:
    """Make the folder before the work, or refuse one that holds anything but files of a run that may be replaced.

    Where the work fails, a folder that was made for it goes.
    """
    try:
        names = visible_names(files) if files.is_dir() else set()
        if foreign := sorted(name for name in names if name != EVENTS and not name.startswith("fourfloor_")):
            raise FourfloorError(
                f"{files}: holds {foreign[0]}, which produce did not write; move it, or choose another --out"
            )
        if names and not replace:
            raise FourfloorError(f"{files}: holds files of another run; choose another --out or pass --overwrite")
        files.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FourfloorError(f"{files}: cannot be made ({error.strerror}); choose another --out") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # not empty: the work is done
            files.rmdir()


def place_files(staged: Path, files: Path, lines: Sequence[str]) -> None:
    """Move what was rendered into the folder and write its events; what an earlier run left there is removed."""
    old = _names(files / EVENTS)
    save_file(staged / EVENTS, "".join(line + "\n" for line in lines).encode("ascii"))
    new = _names(staged / EVENTS)
    for name in sorted(new):
        for path in sorted((staged / name).glob("*.wav")) if name.endswith(STEMS) else [staged / name]:
            if path.is_file():
                target = files / path.relative_to(staged)
                target.parent.mkdir(exist_ok=True)
                move_file(path, target)
    move_file(staged / EVENTS, files / EVENTS)
    for name in old - new:
        if name.endswith(STEMS):
            shutil.rmtree(files / name, ignore_errors=True)
        else:
            (files / name).unlink(missing_ok=True)


def _names(events: Path) -> set[str]:
    """Return the names of all files and folders that the loops in a list of events may have; or none."""
    if not events.is_file():
        return set()
    try:
        rows = [json.loads(line) for line in events.read_text(encoding="ascii").splitlines()]
        stems = [stem_of(float(row["bpm"]), str(row["style"]), int(row["loop"]), str(row["key"])) for row in rows]
    except (ValueError, KeyError, TypeError, RecursionError):
        return set()
    return {stem + ending for stem in stems for ending in (".wav", ".mid", STEMS)}
