"""A dataset on an object store: files cut into shards that are named by their content, and a list of them.

    dataset.json     data hash, and for each file its size and the hashes of its shards; it appears last
    shards/HASH      up to 64 MiB of a file, named by the SHA-256 of its bytes

So a dataset that was not sent whole is not there, equal shards are sent once, and what arrives is checked. Whatever was
sent or received before an interruption is not sent again. A store that refuses is asked again for two minutes.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from fourfloor.errors import FourfloorError
from fourfloor.extras import needing_scale
from fourfloor.ingestion.catalogue import FILES, Catalogue, load
from fourfloor.ingestion.schema import AUDIO, CATALOGUE, CODEC, FEATURES
from fourfloor.progress import OnProgress, ignore
from fourfloor.saving import save_file
from fourfloor.workspace import Workspace, is_resumed, visible_names

Made = TypeVar("Made")

LIST = "dataset.json"
SHARD_BYTES = 64 * 2**20
MAX_LIST_BYTES = 2**26
NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError")
WAITS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0, 30.0)  # seconds between attempts


class Store:
    """One folder of an object store, such as s3://bucket/techno."""

    def __init__(self, url: str, waits: tuple[float, ...] = WAITS) -> None:
        with needing_scale(f"{url}"):
            import fsspec

            if "://" not in url:
                raise FourfloorError(f"{url}: not an address of an object store; write s3://BUCKET/NAME")
            try:
                if url.startswith("s3://"):
                    import s3fs  # noqa: F401 - fsspec's own word for its lack names another command
                self._files, self._root = fsspec.core.url_to_fs(url)
            except (ValueError, ImportError) as error:
                if isinstance(error, ModuleNotFoundError):
                    raise
                raise FourfloorError(f"{url}: {error}; write s3://BUCKET/NAME") from None
        self.url, self._waits = url.rstrip("/"), waits

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
        self._asked(lambda: self._files.pipe_file(f"{self._root}/{name}", content))

    def _asked(self, ask: Callable[[], Made]) -> Made:
        """Ask until the store answers; FourfloorError in one line where it refuses for good."""
        for wait in (*self._waits, None):
            try:
                return ask()
            except (PermissionError, FileNotFoundError) as error:
                told = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise FourfloorError(f"{self.url}: {told}; check the bucket's name and your credentials") from error
            except Exception as error:
                if type(error).__name__ in NO_CREDENTIALS:
                    raise FourfloorError(f"{self.url}: no credentials are there; set them: aws configure") from error
                if not _is_refusal(error):
                    raise
                if wait is None:
                    told = " ".join(str(error).split())[:200] or type(error).__name__
                    raise FourfloorError(f"{self.url}: does not answer ({told}); run the same command later") from error
                time.sleep(wait)
        raise AssertionError("unreachable")


def _is_refusal(error: Exception) -> bool:
    """Return whether an exception says that a store cannot be reached or is busy; libraries have types of their own."""
    rooms = {kind.__module__.split(".")[0] for kind in type(error).__mro__}
    return isinstance(error, OSError) or bool(rooms & {"botocore", "aiobotocore", "aiohttp"})


def push(dataset: Path, url: str, on_progress: OnProgress = ignore, waits: tuple[float, ...] = WAITS) -> str:
    """Send a dataset to an object store and return its data hash; what is there already is not sent again."""
    catalogue = load(dataset)
    store = Store(url, waits)
    names = sorted(name for name in FILES if name != CODEC and (catalogue.path / name).is_file())
    total, done = sum((catalogue.path / name).stat().st_size for name in names), 0
    files: dict[str, Any] = {}
    for name in names:
        hashes = []
        for content in _shards(catalogue.path / name):
            hashes.append(hashlib.sha256(content).hexdigest())
            if store.size(f"shards/{hashes[-1]}") != len(content):
                store.put(f"shards/{hashes[-1]}", content)
            done += len(content)
            on_progress(done, total, name)
        files[name] = {"size": (catalogue.path / name).stat().st_size, "shards": hashes}
    listed = {"format": 1, "data_hash": catalogue.data_hash, "files": files}
    store.put(LIST, json.dumps(listed, indent=1).encode())
    if _listed(store) != listed:
        raise FourfloorError(f"{url}: gives back another list than was sent; run the same command again")
    return catalogue.data_hash


def _shards(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while content := file.read(SHARD_BYTES):
            yield content


def pull(
    url: str, out: Path, overwrite: bool = False, on_progress: OnProgress = ignore, waits: tuple[float, ...] = WAITS
) -> Catalogue:
    """Fetch a dataset from an object store into a folder, checked by its hashes, whole or not at all.

    An interrupted call keeps the shards that it has, and the same call goes on with them.
    """
    if out.is_dir() and (names := visible_names(out)) and not (overwrite and names <= FILES):
        raise FourfloorError(f"{out}: is there already; choose another folder or, for a dataset, pass --overwrite")
    store = Store(url, waits)
    content = _listed(store)
    total = sum(file["size"] for file in content["files"].values())
    with Workspace(out, FILES, keep_scratch=True) as work, _unless_whole(work):
        is_resumed(work.scratch, json.dumps(content))
        done = 0
        for name, file in content["files"].items():
            for shard in file["shards"]:
                done += _fetch(store, shard, work.scratch / shard)
                on_progress(done, total, name)
        for name, file in content["files"].items():
            with open(work.new / name, "wb") as joined:
                for shard in file["shards"]:
                    joined.write((work.scratch / shard).read_bytes())
        if load(work.new).data_hash != content["data_hash"]:
            raise FourfloorError(f"{url}: {LIST} names another dataset than its shards are; send it again")
        work.place()
    return load(out, verify=False)


@contextmanager
def _unless_whole(work: Workspace) -> Iterator[None]:
    """Drop the shards where they are whole and yet no dataset: asking again would not help."""
    try:
        yield
    except FourfloorError as error:
        work.keep_scratch = "does not answer" in str(error)
        raise


def _fetch(store: Store, shard: str, path: Path) -> int:
    """Have a shard on disk and return its size; FourfloorError where the store has another or none."""
    if path.is_file() and hashlib.sha256(content := path.read_bytes()).hexdigest() == shard:
        return len(content)
    found = store.get(f"shards/{shard}", SHARD_BYTES)
    if found is None:
        raise FourfloorError(f"{store.url}: shard {shard[:16]} is missing; send the dataset again: fourfloor push")
    if hashlib.sha256(found).hexdigest() != shard:
        told = f"{store.url}: shard {shard[:16]} is damaged"
        raise FourfloorError(f"{told}; remove it from the bucket and send the dataset again: fourfloor push")
    save_file(path, found)
    return len(found)


def _listed(store: Store) -> dict[str, Any]:
    """Read the list of a dataset; FourfloorError where there is none or it makes no sense."""
    raw = store.get(LIST, MAX_LIST_BYTES)
    if raw is None:
        raise FourfloorError(f"{store.url}: holds no dataset ({LIST} is missing); send one: fourfloor push DATASET URL")
    try:
        content = json.loads(raw)
        files = content["files"]
        whole = (
            content["format"] == 1
            and isinstance(content["data_hash"], str)
            and {CATALOGUE, AUDIO, FEATURES} <= set(files)
        )
        for name, file in files.items():
            size, shards = file["size"], file["shards"]
            whole = whole and name in FILES and isinstance(size, int) and 0 <= size <= len(shards) * SHARD_BYTES
            whole = whole and all(isinstance(shard, str) and _is_hash(shard) for shard in shards)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise FourfloorError(f"{store.url}: {LIST} is damaged; send the dataset again: fourfloor push DATASET URL")
    return dict(content)


def _is_hash(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
