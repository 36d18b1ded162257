"""A folder of files that is made in hiding and put in its place when it is complete: a dataset, a model, a pack.

While `data` is made, a hidden folder lies beside it; inside it where `data` is a mount point or its parent is closed:

    .data.fourfloor/README.txt      says whose it is: a folder without it is never touched
    .data.fourfloor/lock            held for as long as its process lives
    .data.fourfloor/new/            what becomes the content of `data`
    .data.fourfloor/scratch/        what is needed meanwhile
    .data.fourfloor/placing.json    files on their way from new/ to `data`: from here on the new content counts

A folder that is not there yet appears by one rename. Files of one that is there are replaced one by one, and a process
that ended meanwhile is made up for by the next one that writes or reads the folder: `finish_interrupted`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from fourfloor.errors import FourfloorError
from fourfloor.saving import kept_if_filled, remove_leftovers, save_file, sync_folder, temporary_name

MARK, LOCK, NEW, SCRATCH, PLACING = "README.txt", "lock", "new", "scratch", "placing.json"
MARK_TEXT = "fourfloor works here and removes this folder in the end. After a crash you may delete it.\n"
PATIENCE_SECONDS = 10.0  # for another process to put its files in place
NO_PLACE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV, errno.EBUSY}  # work inside the folder itself, then


class Workspace:
    """Make the content of the folder `out` in hiding; links are followed.

    Use as a context manager: leaving it without `place` removes what was made, but with `keep_scratch` its scratch
    folder stays for the next one. FourfloorError in one line, before any work, where `out` cannot be written or
    another process is writing it. What `out` holds is the caller's to check, before and by `visible_names`.
    """

    def __init__(self, out: Path, ours: frozenset[str], *, keep_scratch: bool = False) -> None:
        self.out = resolved(out)
        self._ours, self.keep_scratch, self._placed = ours, keep_scratch, False
        with contextlib.ExitStack() as tidied:
            tidied.enter_context(kept_if_filled(self.out.parent))
            with plain_errors(self.out):
                self._folder, self._lock = self._claimed()
            self._tidied = tidied.pop_all()
        self.new, self.scratch = self._folder / NEW, self._folder / SCRATCH

    def _claimed(self) -> tuple[Path, FileLock]:
        self.out.parent.mkdir(parents=True, exist_ok=True)
        *others, last = _places(self.out)
        for folder in others:
            try:
                return self._claim(folder)
            except OSError as error:
                if error.errno not in NO_PLACE:
                    raise
        return self._claim(last)

    def _claim(self, folder: Path) -> tuple[Path, FileLock]:
        """Lock a hidden folder, empty it, and try whether a file can move from it to its place."""
        if os.path.lexists(folder) and not _is_marked(folder):
            raise FourfloorError(
                f"{folder}: fourfloor works under this name, but did not make this folder; move it away first"
            )
        folder.mkdir(exist_ok=True)
        lock = FileLock(folder / LOCK, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise FourfloorError(f"{self.out}: another process is writing it; wait, or choose another folder") from None
        try:
            (folder / MARK).write_text(MARK_TEXT, encoding="ascii")
            for entry in os.scandir(folder):
                if entry.name not in (MARK, LOCK, SCRATCH if self.keep_scratch else ""):
                    _remove(Path(entry.path))
            for name in (NEW, SCRATCH):
                (folder / name).mkdir(exist_ok=True)
            if self.out.is_dir():
                remove_leftovers(self.out)
                probe = self.out / temporary_name()
                (folder / NEW / probe.name).write_bytes(b"\0" * 4096)
                os.replace(folder / NEW / probe.name, probe)
                probe.unlink(missing_ok=True)
        except BaseException:
            _clear(folder, lock, keep_scratch=self.keep_scratch)
            raise
        return folder, lock

    def place(self, last: str = "") -> None:
        """Put what is in `new` in its place, the file `last` after all others.

        Files of `out` that are ours and have no successor are removed.
        """
        with plain_errors(self.out):
            sync_folder(self.new)
            if self.out.is_dir():
                names = [path.relative_to(self.new).as_posix() for path in self.new.rglob("*") if not path.is_dir()]
                names.sort(key=lambda name: (name == last, name))
                save_file(self._folder / PLACING, json.dumps(names).encode())
                _move_files(self._folder, self.out, self._ours)
            else:
                os.rename(self.new, self.out)
                sync_folder(self.out.parent)
        self._placed = True

    def close(self) -> None:
        """Remove what is not in its place and let others write; harmless when called twice."""
        if (self._folder / PLACING).exists():  # all of it is there and counts: the next process puts it in its place
            self._lock.release()
        else:
            _clear(self._folder, self._lock, keep_scratch=self.keep_scratch and not self._placed)
        self._tidied.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def is_resumed(scratch: Path, fingerprint: str) -> bool:
    """Return whether a scratch folder holds work of the same order; what it holds of another one is removed."""
    mark = scratch / "fingerprint"
    if mark.is_file() and mark.read_bytes() == fingerprint.encode():
        return True
    for entry in scratch.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    mark.write_bytes(fingerprint.encode())
    return False


def resolved(out: Path) -> Path:
    """Follow links, also to what is not there yet; FourfloorError where they lead in circles or through a file."""
    try:
        target = Path(os.path.realpath(out))
        with contextlib.suppress(FileNotFoundError):
            os.stat(target)
    except OSError as error:
        raise FourfloorError(f"{out}: cannot be used ({error.strerror}); choose another folder") from None
    return target


def visible_names(folder: Path) -> set[str]:
    """List what a folder holds for a person to see: neither hidden names nor what a new file system has."""
    return {name for name in os.listdir(folder) if not name.startswith(".") and name != "lost+found"}


def finish_interrupted(folder: Path, ours: frozenset[str]) -> None:
    """Where a process ended while it put files in their place, do the rest; FourfloorError where that fails."""
    out = resolved(folder)
    for place in _places(out):
        if not (place / PLACING).is_file() or not _is_marked(place):
            continue
        try:
            with FileLock(place / LOCK, thread_local=False).acquire(timeout=PATIENCE_SECONDS):
                if (place / PLACING).is_file():
                    _move_files(place, out, ours)
                    _remove(place)
        except Timeout:
            raise FourfloorError(f"{out}: another process is writing it; wait") from None
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or "damaged notes"
            told = f"{out}: was being replaced when the process ended, and cannot be completed from {place} ({reason})"
            raise FourfloorError(f"{told}; make both writable and try again") from None


def _places(out: Path) -> list[Path]:
    """List where the hidden folder may lie, the better place first."""
    beside = [out.with_name(f".{out.name}.fourfloor")] if out.name else []
    return [*beside, out / ".fourfloor"] if out.is_dir() else beside


def _is_marked(folder: Path) -> bool:
    """Return whether a hidden folder is ours: one with a lock at most is what a kill left before the mark was there."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return (folder / MARK).is_file() or set(os.listdir(folder)) <= {LOCK}


def _move_files(place: Path, out: Path, ours: frozenset[str]) -> None:
    """Do what placing.json says; done twice it does the same. What is there and not ours is not touched."""
    listed = json.loads((place / PLACING).read_bytes())
    if not isinstance(listed, list):
        raise ValueError(f"{place / PLACING}: is not a list of names")
    new = [name for name in listed if isinstance(name, str) and (name in ours or _is_free(out, name))]
    for name in sorted(ours - set(new)):
        (out / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it holds other files
            for folder in list((out / name).relative_to(out).parents)[:-1]:
                (out / folder).rmdir()
    for name in new:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # moved before
            os.replace(place / NEW / name, out / name)
    sync_folder(out)
    (place / PLACING).unlink()


def _is_free(out: Path, name: str) -> bool:
    """Return whether a name lies in a folder, through no link or `..`, and nothing is there."""
    return (out / name).parent.resolve().is_relative_to(out) and not os.path.lexists(out / name)


def _clear(folder: Path, lock: FileLock, keep_scratch: bool) -> None:
    """Remove a hidden folder while it is locked; with `keep_scratch` all but that, where it holds something."""
    scratch = folder / SCRATCH
    keep_scratch = keep_scratch and scratch.is_dir() and any(os.scandir(scratch))
    for name in os.listdir(folder) if folder.is_dir() else ():
        if name not in (MARK, LOCK, SCRATCH if keep_scratch else ""):
            _remove(folder / name)
    lock.release()
    if not keep_scratch:
        _remove(folder)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def plain_errors(out: Path) -> Iterator[None]:
    """Turn what the system says of a folder that cannot be written into a FourfloorError of one line."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise FourfloorError(f"{out}: cannot be written ({reason}); free space or choose another folder") from error
