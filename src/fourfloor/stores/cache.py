"""Shards of object stores on this disk, up to a size, for all processes of a user.

A shard is a file named by the hash of its bytes. It appears whole or not at all, and each process hashes it before it
reads it for the first time. When shards exceed the size, the least recently read ones are removed. Of the processes
that need one shard, one fetches it and the others wait.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path

from filelock import FileLock

from fourfloor.errors import FourfloorError
from fourfloor.saving import SavingError, cache_folder, remove_leftovers, save_file

VARIABLE = "FOURFLOOR_CACHE_GB"
USUAL_GB, LEAST_GB = 20.0, 0.1


def size_limit() -> int:
    """Return how many bytes of shards may be kept; FourfloorError where the environment holds no such number."""
    told = os.environ.get(VARIABLE, "")
    try:
        gigabytes = float(told) if told else USUAL_GB
    except ValueError:
        gigabytes = 0.0
    if not LEAST_GB <= gigabytes <= 1e6:
        raise FourfloorError(f"{VARIABLE} is {told!a}; set it to a number of gigabytes, at least {LEAST_GB}")
    return int(gigabytes * 1e9)


class Cache:
    """Shards in a folder, at most `limit` bytes of them."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit
        self._sound: dict[str, tuple[int, int, int]] = {}  # which files were hashed by this process

    @classmethod
    def of_user(cls) -> Cache:
        """Return the cache in the user's cache folder."""
        return cls(cache_folder() / "shards", size_limit())

    def read(self, shard: str, begin: int, end: int, fetch: Callable[[], bytes]) -> bytes:
        """Return bytes of a shard, which `fetch` returns whole where it is not here."""
        try:
            content = self._kept(shard, begin, end)
            return self._fetched(shard, begin, end, fetch) if content is None else content
        except (OSError, SavingError) as error:
            reason = error.reason.partition(";")[0] if isinstance(error, SavingError) else error.strerror
            told = f"{self._folder}: cannot keep what is read from the object store ({reason})"
            remedy = f"free space, lower {VARIABLE}, or set XDG_CACHE_HOME to another folder"
            raise FourfloorError(f"{told}; {remedy}") from None

    def _fetched(self, shard: str, begin: int, end: int, fetch: Callable[[], bytes]) -> bytes:
        """Fetch a shard, unless another process has done so meanwhile."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / f".lock-{shard[0]}"):
            content = self._kept(shard, begin, end)
            if content is None:
                whole = fetch()
                self._keep(shard, whole)
                content = whole[begin:end]
        return content

    def _kept(self, shard: str, begin: int, end: int) -> bytes | None:
        """Return bytes of a shard that is here and sound; a damaged one is removed."""
        try:
            with open(self._folder / shard, "rb") as file:
                if self._is_sound(shard, file):
                    file.seek(begin)
                    return file.read(end - begin)
            (self._folder / shard).unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        return None

    def _is_sound(self, shard: str, file: BufferedReader) -> bool:
        """Return whether an open file holds the bytes that it is named by, and note that it was used now."""
        about = os.fstat(file.fileno())
        identity = (about.st_ino, about.st_size, about.st_mtime_ns)
        if self._sound.get(shard) != identity:
            if hashlib.file_digest(file, "sha256").hexdigest() != shard:
                return False
            self._sound[shard] = identity
        with contextlib.suppress(OSError):  # another process has just removed it
            os.utime(self._folder / shard, ns=(time.time_ns(), about.st_mtime_ns))
        return True

    def _keep(self, shard: str, content: bytes) -> None:
        """Write a shard, then remove the least recently read ones until all fit."""
        remove_leftovers(self._folder)
        save_file(self._folder / shard, content)
        kept = []
        for entry in os.scandir(self._folder):
            with contextlib.suppress(FileNotFoundError):
                if not entry.name.startswith("."):
                    kept.append((entry.stat().st_atime_ns, entry.stat().st_size, entry.path))
        total = sum(size for _, size, _ in kept)
        for _, size, path in sorted(kept):
            if total <= self._limit:
                break
            Path(path).unlink(missing_ok=True)
            total -= size
