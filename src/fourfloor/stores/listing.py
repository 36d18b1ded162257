"""What was sent to an object store: files, cut into shards of one size, which are named by the hash of their bytes."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from fourfloor.errors import FourfloorError
from fourfloor.stores.store import Store, UnreachableError

LIST = "dataset.json"
MAX_LIST_BYTES = 2**26
MAX_SHARD_BYTES = 64 * 2**20  # the size of all shards that were sent before it was written down


@dataclass(frozen=True)
class File:
    """Bytes in shards of `shard_bytes` each, the last one of what is left."""

    size: int
    shards: tuple[str, ...]
    shard_bytes: int

    def length(self, number: int) -> int:
        """Return the bytes of a shard."""
        return min(self.shard_bytes, self.size - number * self.shard_bytes)


@dataclass(frozen=True)
class Listing:
    """The files of a dataset, and the name of its content."""

    data_hash: str
    files: dict[str, File]
    shard_bytes: int

    def to_bytes(self) -> bytes:
        """Return the content of LIST."""
        files = {name: {"size": file.size, "shards": list(file.shards)} for name, file in self.files.items()}
        content = {"format": 1, "data_hash": self.data_hash, "shard_bytes": self.shard_bytes, "files": files}
        return json.dumps(content, indent=1).encode()


def content_of(store: Store) -> str | None:
    """Return the data hash of the dataset that a store holds; None where it holds none, or no list that can be read."""
    try:
        return _parsed(json.loads(store.get(LIST, MAX_LIST_BYTES) or b"")).data_hash
    except UnreachableError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def read(store: Store, needed: Collection[str], known: Collection[str]) -> Listing:
    """Read the list of a dataset, which has the files `needed` and no others than `known`.

    FourfloorError where it is missing or damaged.
    """
    raw = store.get(LIST, MAX_LIST_BYTES)
    if raw is None and all(store.size(name) is not None for name in needed):
        told = f"{store.url}: is a dataset that push did not send"
        raise FourfloorError(f"{told}; use it as it is, or send it: fourfloor push DATASET URL")
    if raw is None:
        raise FourfloorError(f"{store.url}: holds no dataset ({LIST} is missing); send one: fourfloor push DATASET URL")
    try:
        listing = _parsed(json.loads(raw))
        is_whole = set(needed) <= set(listing.files) <= set(known)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise FourfloorError(f"{store.url}: {LIST} is damaged; send the dataset again: fourfloor push DATASET URL")
    return listing


def _parsed(content: dict[str, Any]) -> Listing:
    """Return the list; ValueError, KeyError, TypeError or AttributeError where the content is damaged."""
    each, files = content.get("shard_bytes", MAX_SHARD_BYTES), {}
    if content["format"] != 1 or not _is_hash(content["data_hash"]) or not 1 <= _count(each) <= MAX_SHARD_BYTES:
        raise ValueError
    for name, file in content["files"].items():
        size, shards = _count(file["size"]), file["shards"]
        if not isinstance(shards, list) or len(shards) != -(-size // each) or not all(map(_is_hash, shards)):
            raise ValueError
        files[name] = File(size, tuple(shards), each)
    return Listing(content["data_hash"], files, each)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError
    return value


def _is_hash(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef")
