"""The files of a dataset on an object store, read a part at a time: what is read stays in the cache of this machine."""

from __future__ import annotations

import operator
from collections.abc import Collection
from functools import partial
from math import prod
from pathlib import Path

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.saving import cache_folder
from fourfloor.stores import listing
from fourfloor.stores.cache import Cache
from fourfloor.stores.listing import Listing
from fourfloor.stores.store import Store


class StoredFiles:
    """The files that a list names. Every shard is checked by its hash when it is read."""

    def __init__(self, store: Store, listed: Listing, cache: Cache) -> None:
        self._store, self._listed, self._cache = store, listed, cache

    @classmethod
    def open(cls, url: str, needed: Collection[str], known: Collection[str]) -> StoredFiles:
        """Read the list at an address (`listing.read`)."""
        store = Store(url)
        return cls(store, listing.read(store, needed, known), Cache.of_user())

    @property
    def url(self) -> str:
        """Return the address."""
        return self._store.url

    @property
    def data_hash(self) -> str:
        """Return the name of the dataset's content, as the list says it."""
        return self._listed.data_hash

    def home(self) -> Path:
        """Return a folder of this machine for what belongs to the dataset and is not on the store."""
        folder = cache_folder() / "datasets" / self.data_hash
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FourfloorError(f"{folder}: cannot be made ({error.strerror}); set XDG_CACHE_HOME") from None
        return folder

    def size(self, name: str) -> int:
        """Return the bytes of a file."""
        if name not in self._listed.files:
            raise FourfloorError(f"{self.url}: has no {name}; send the dataset again: fourfloor push")
        return self._listed.files[name].size

    def read(self, name: str, begin: int, end: int) -> bytes:
        """Return bytes of a file; FourfloorError in one line where the store has not what its list says."""
        self.size(name)
        file = self._listed.files[name]
        parts = []
        while begin < end:
            number = begin // file.shard_bytes
            first, length, shard = number * file.shard_bytes, file.length(number), file.shards[number]
            last = min(end, first + length)
            part = self._cache.read(shard, begin - first, last - first, partial(self._store.shard, shard, length))
            if len(part) != last - begin:
                raise FourfloorError(f"{self.url}: shard {shard[:16]} is too short; send the dataset again")
            parts.append(part)
            begin = last
        return b"".join(parts)

    def rows(self, name: str, dtype: str, shape: tuple[int, ...]) -> StoredRows:
        """Return a file as an array."""
        return StoredRows(self, name, np.dtype(dtype), shape)


class StoredRows:
    """An array `shape` in a file on an object store: rows, or slices of them, are read when they are asked for."""

    def __init__(self, files: StoredFiles, name: str, dtype: np.dtype, shape: tuple[int, ...]) -> None:
        self._files, self._name, self._dtype, self.shape = files, name, dtype, shape
        self._row_bytes = prod(shape[1:]) * dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: int | slice) -> np.ndarray:
        """Return a row or a slice of rows, read-only; FourfloorError where floats are not finite."""
        first, last, _ = rows.indices(len(self)) if isinstance(rows, slice) else self._row(rows)
        content = self._files.read(self._name, first * self._row_bytes, max(first, last) * self._row_bytes)
        values = np.frombuffer(content, self._dtype).reshape(-1, *self.shape[1:])
        if self._dtype.kind == "f" and not np.isfinite(values).all():
            told = f"{self._files.url}: {self._name} holds values that are not finite"
            raise FourfloorError(f"{told}; make the dataset again and send it")
        return values if isinstance(rows, slice) else values[0]

    def _row(self, row: int) -> tuple[int, int, int]:
        number = operator.index(row)
        if not -len(self) <= number < len(self):
            raise IndexError(row)
        return number % len(self), number % len(self) + 1, 1
