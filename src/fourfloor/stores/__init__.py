"""Object stores: a place that a user names -> something to read, whatever store that is.

store      the objects in one folder of a store: asked again where it refuses
listing    the list of the files that were sent there, and their shards
cache      shards on this disk, up to a size
files      the files of a list, read a part at a time through the cache
"""

from __future__ import annotations

import os
from pathlib import Path

from fourfloor.progress import PathLike

Place = Path | str  # a folder, or the address of an object store


def is_address(given: PathLike) -> bool:
    """Return whether this names an object store, such as s3://bucket/techno."""
    return "://" in os.fspath(given)


def place_of(given: PathLike) -> Place:
    """Return a folder as a path, and an address as it is: a path would drop one of its slashes."""
    return os.fspath(given) if is_address(given) else Path(given)


def name_of(place: Place) -> str:
    """Return the last name of a place."""
    return place.rstrip("/").rpartition("/")[2] if isinstance(place, str) else place.resolve().name
