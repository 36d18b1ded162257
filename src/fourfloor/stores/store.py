"""One folder of an object store, whatever store that is: fsspec opens it. A store that refuses is asked again."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fourfloor.errors import FourfloorError
from fourfloor.extras import needing_scale
from fourfloor.saving import save_file

Made = TypeVar("Made")

SHARDS = "shards"
NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError")
WAITS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0, 30.0)  # seconds between attempts: two minutes in all


class UnreachableError(FourfloorError):
    """A store does not answer, so that the same call may succeed later."""


class Store:
    """One folder of an object store, such as s3://bucket/techno, or of this machine, such as a shared disk."""

    def __init__(self, url: str, waits: tuple[float, ...] | None = None) -> None:
        with needing_scale(url):
            import fsspec

            if "://" not in url and re.match(r"[a-z0-9]{2,}:", url):
                raise FourfloorError(f"{url}: write it as s3://BUCKET/NAME, or as a folder of this machine")
            try:
                if url.startswith("s3://"):
                    import s3fs  # noqa: F401 - fsspec's own word for its lack names another command
                self._files, self._root = fsspec.core.url_to_fs(url)
                self._is_local = isinstance(self._files, fsspec.get_filesystem_class("file"))
            except (ValueError, ImportError) as error:
                if isinstance(error, ModuleNotFoundError):
                    raise
                stores = "write s3://BUCKET/NAME, or a folder; other stores need their fsspec package (gs:// gcsfs)"
                raise FourfloorError(f"{url}: this kind of address cannot be opened; {stores}") from None
        waits = () if self._is_local else waits  # what a disk refuses it refuses in two minutes, too
        self.url, self._waits = url.rstrip("/"), WAITS if waits is None else waits

    def __reduce__(self) -> tuple[type[Store], tuple[str, tuple[float, ...]]]:
        return type(self), (self.url, self._waits)  # connections do not cross process boundaries

    @property
    def folder(self) -> Path | None:
        """The folder of this machine that serves as the store; None for an object store."""
        return Path(self._root) if self._is_local else None

    def size(self, name: str) -> int | None:
        """Return the bytes of an object; None where there is none."""

        def ask() -> int | None:
            self._files.invalidate_cache()
            try:
                return int(self._files.info(f"{self._root}/{name}")["size"])
            except FileNotFoundError:
                return None

        return self._asked(ask)

    def get(self, name: str, limit: int) -> bytes | None:
        """Return an object of at most `limit` bytes; None where there is none."""
        size = self.size(name)
        if size is None:
            return None
        if size > limit:
            raise FourfloorError(f"{self.url}: {name} has {size} bytes, which no dataset has; send the dataset again")
        return self._asked(lambda: bytes(self._files.cat_file(f"{self._root}/{name}")))

    def put(self, name: str, content: bytes) -> None:
        """Write an object, whole or not at all."""
        self._asked(lambda: self._write(f"{self._root}/{name}", content))

    def _write(self, path: str, content: bytes) -> None:
        if self._is_local:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            save_file(Path(path), content)
        else:
            self._files.pipe_file(path, content)

    def shard(self, shard: str, limit: int) -> bytes:
        """Return a shard by the hash of its bytes; FourfloorError where the store has another or none."""
        found = self.get(shard_name(shard), limit)
        if found is None:
            raise FourfloorError(f"{self.url}: shard {shard[:16]} is missing; send the dataset again: fourfloor push")
        if hashlib.sha256(found).hexdigest() != shard:
            told = f"{self.url}: shard {shard[:16]} is damaged"
            raise FourfloorError(f"{told}; remove it from the bucket and send the dataset again: fourfloor push")
        return found

    def _asked(self, ask: Callable[[], Made]) -> Made:
        """Ask until the store answers; FourfloorError in one line where it refuses for good."""
        for wait in (*self._waits, None):
            try:
                return ask()
            except FourfloorError:
                raise
            except (PermissionError, FileNotFoundError, NotADirectoryError) as error:
                told = str(error).splitlines()[0] if str(error) else type(error).__name__
                where = "folder's name and permissions" if self._is_local else "bucket's name and your credentials"
                raise FourfloorError(f"{self.url}: {told}; check the {where}") from error
            except Exception as error:
                if type(error).__name__ in NO_CREDENTIALS:
                    raise FourfloorError(f"{self.url}: no credentials are there; set them: aws configure") from error
                if not _is_refusal(error):
                    raise
                if self._is_local:
                    reason = error.strerror if isinstance(error, OSError) else None
                    raise FourfloorError(f"{self.url}: {reason or error}; check the folder and its disk") from error
                if wait is None:
                    told = " ".join(str(error).split())[:200] or type(error).__name__
                    reason = f"{self.url}: does not answer ({told}); run the same command later"
                    raise UnreachableError(reason) from error
                time.sleep(wait)
        raise AssertionError("unreachable")


def shard_name(shard: str) -> str:
    """Return the name of a shard's object."""
    return f"{SHARDS}/{shard}"


def _is_refusal(error: Exception) -> bool:
    """Return whether an exception says that a store cannot be reached or is busy; libraries have types of their own."""
    rooms = {kind.__module__.split(".")[0] for kind in type(error).__mro__}
    return isinstance(error, OSError) or bool(rooms & {"botocore", "aiobotocore", "aiohttp"})
