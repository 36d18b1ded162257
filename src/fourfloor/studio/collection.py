"""The library: everything that was made in the studio, in one folder, and nothing is ever lost.

    library.sqlite   a row for each loop and each job, and the clip grid
    loops/           <id>.wav, <id>.png (spectrogram), <id>.f32 (style vector), <id>.json (waveform outline): never
                     replaced; once asked for, the folder <id>_stems and <id>.mid, where packs look for them
    passages/        <id>.wav: the training music that is nearest to a loop
    uploads/         files on their way into the library
    lock             held while a studio serves the folder

Deleting a loop hides its row; the files stay, so that it can be undone.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fourfloor.errors import FourfloorError

DATABASE, LOOPS, UPLOADS, PASSAGES, LOCK = "library.sqlite", "loops", "uploads", "passages", "lock"
SCHEMA = 2  # 2 added `parts`
JSON_COLUMNS = {"controls", "measured", "faults", "tags", "request", "result", "parts"}
LOOP_COLUMNS = (
    "id", "made_at", "title", "verb", "model", "parent", "bpm", "bars", "frames", "sample_rate", "seed", "style", "key",
    "controls", "measured", "faults", "seam", "copy_score", "nearest", "command", "loved", "tags", "deleted_at",
    "parts",
)  # fmt: skip
CHANGEABLE = ("title", "loved", "tags", "deleted_at")
_TABLES = f"""
create table if not exists loops ({", ".join(LOOP_COLUMNS)}, primary key (id));
create table if not exists jobs (id primary key, kind, request, state, done, total, text, result, made_at);
create table if not exists grid (place integer primary key, loop);
"""


class Library:
    """A folder of loops and jobs; its methods may be called from any thread.

    `in_order` is held while a change is made and told: pages learn of changes in the order in which they were made.
    FourfloorError where the folder cannot be used or another studio serves it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.in_order = threading.Lock()
        self._guard = threading.Lock()
        try:
            for name in (LOOPS, UPLOADS, PASSAGES):
                (folder / name).mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / LOCK, thread_local=False)
            self._lock.acquire(timeout=0)
            self._database = _open(folder / DATABASE)
        except Timeout:
            raise FourfloorError(f"{folder}: another studio serves this library; use its page, or stop it") from None
        except OSError as error:
            raise FourfloorError(f"{folder}: cannot be used ({error.strerror}); choose another --library") from None

    def close(self) -> None:
        """Close the database and let another studio serve the folder."""
        with self._guard:
            self._database.close()
        self._lock.release()

    def path(self, loop: str, ending: str) -> Path:
        """Return the place of a loop's file: `wav`, `png`, `json`, `f32` or `mid`."""
        return self.folder / LOOPS / f"{loop}.{ending}"

    def add_loop(self, row: dict[str, Any]) -> dict[str, Any]:
        """Add a loop, unless one of its id is there; return its row."""
        complete = {"made_at": time.time(), "loved": 0, "tags": [], "deleted_at": None, "parts": {}, **row}
        values = [_stored(name, complete.get(name)) for name in LOOP_COLUMNS]
        marks = ", ".join("?" * len(values))
        self._run(f"insert or ignore into loops values ({marks})", values)
        return self.loop(str(row["id"]))

    def loop(self, loop: str) -> dict[str, Any]:
        """Return a loop's row, also a deleted one's; FourfloorError where no loop has this id."""
        rows = self._run("select * from loops where id = ?", [loop])
        if not rows:
            raise FourfloorError(f"no loop {loop!r} in the library")
        return rows[0]

    def loops(self, deleted: bool = False) -> list[dict[str, Any]]:
        """List all loops, the newest first."""
        hidden = "is not null" if deleted else "is null"
        return self._run(f"select * from loops where deleted_at {hidden} order by made_at desc, id", [])

    def change_loop(self, loop: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Change some of `CHANGEABLE` of a loop; return its row."""
        names = [name for name in changes if name in CHANGEABLE]
        if names:
            settings = ", ".join(f"{name} = ?" for name in names)
            self._run(
                f"update loops set {settings} where id = ?", [*(_stored(name, changes[name]) for name in names), loop]
            )
        return self.loop(loop)

    def add_parts(self, loop: str, parts: dict[str, Any]) -> dict[str, Any]:
        """Note what was made of a loop beside it (its stems, its notes); return its row."""
        row = self.loop(loop)
        self._run("update loops set parts = ? where id = ?", [json.dumps({**row["parts"], **parts}), loop])
        return self.loop(loop)

    def grid(self) -> dict[int, str]:
        """Return the loops of the clip grid by their place."""
        return {row["place"]: row["loop"] for row in self._run("select * from grid order by place", [])}

    def place_on_grid(self, place: int, loop: str | None) -> None:
        """Put a loop on a place of the clip grid; None empties it."""
        if loop is None:
            self._run("delete from grid where place = ?", [place])
        else:
            self._run("insert or replace into grid values (?, ?)", [place, loop])

    def save_job(self, job: dict[str, Any]) -> None:
        """Write down a job and how far it is."""
        columns = ("id", "kind", "request", "state", "done", "total", "text", "result", "made_at")
        values = [_stored(name, job[name]) for name in columns]
        self._run("insert or replace into jobs values (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def jobs(self, last: int = 100) -> list[dict[str, Any]]:
        """List the jobs that were asked for last, in the order of asking."""
        return self._run("select * from jobs order by made_at desc limit ?", [last])[::-1]

    def _run(self, statement: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        with self._guard, _plain_errors(self.folder), self._database:
            return [_loaded(row) for row in self._database.execute(statement, values)]


def _open(path: Path) -> sqlite3.Connection:
    with _plain_errors(path):
        database = sqlite3.connect(path, check_same_thread=False)
        database.row_factory = sqlite3.Row
        database.execute("pragma journal_mode = wal")
        version = database.execute("pragma user_version").fetchone()[0]
        if version > SCHEMA:
            raise FourfloorError(f"{path}: was written by a newer fourfloor; use that one, or another --library")
        database.executescript(_TABLES)
        if version == 1:
            database.execute("alter table loops add column parts default '{}'")
        database.execute(f"pragma user_version = {SCHEMA}")
    return database


@contextlib.contextmanager
def _plain_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise FourfloorError(f"{path}: the library cannot be used ({error}); free space or restore the file") from None


def _stored(name: str, value: Any) -> Any:
    # SQLite's integers end at 2^63, as seeds do; lists and mappings become JSON.
    return json.dumps(value) if name in JSON_COLUMNS else value


def _loaded(row: sqlite3.Row) -> dict[str, Any]:
    return {name: json.loads(row[name] or "null") if name in JSON_COLUMNS else row[name] for name in row.keys()}  # noqa: SIM118
