"""Are the bytes of a dataset those that its catalogue names? Every byte is read, once as long as nothing is touched.

What was found sound is remembered by an empty file in the user's cache folder, not in the dataset, which may be
read-only. Its name is a hash of what the catalogue promises and of the identity of each file: device, inode, size, and
both times, of which no program can set the second (ctime) back.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.ingestion.schema import AUDIO, FEATURES, Catalogue
from fourfloor.reading import open_file
from fourfloor.saving import cache_folder

BLOCK = 2**20  # bytes read at a time
SETTLED_SECONDS = 1.0  # a file changed later than this before the check may change once more within the same tick


def check_sizes(catalogue: Catalogue) -> None:
    """Raise FourfloorError where a file has not the size that the catalogue says."""
    last = catalogue.loops[-1]
    expected = {
        AUDIO: (last.offset + last.frames) * catalogue.channels * 2,
        FEATURES: len(catalogue.loops) * catalogue.feature_frames * catalogue.feature_dim * 2,
    }
    for name, size in expected.items():
        actual = catalogue.size(name)
        if actual != size:
            if catalogue.stored is None:
                open_file(catalogue.path / name).close()  # says why, where something else lies in its place
            raise FourfloorError(f"{name} has {actual} bytes, the catalogue says {size}")


def check_content(catalogue: Catalogue, features_sha256: str) -> None:
    """Raise FourfloorError where audio or features differ from their hashes, or a feature is not finite."""
    with open(catalogue.path / AUDIO, "rb") as audio:
        for index, loop in enumerate(catalogue.loops):
            digest = hashlib.sha256()
            for block in _blocks(audio, loop.frames * catalogue.channels * 2):
                digest.update(block)
            if digest.hexdigest() != loop.sha256:
                raise FourfloorError(f"{AUDIO} is damaged in loop {index}")
    digest, finite = hashlib.sha256(), True
    with open(catalogue.path / FEATURES, "rb") as features:
        for block in _blocks(features, os.fstat(features.fileno()).st_size):
            digest.update(block)
            finite = finite and bool(np.isfinite(np.frombuffer(block, dtype="<f2")).all())
    if digest.hexdigest() != features_sha256:
        raise FourfloorError(f"{FEATURES} is damaged")
    if not finite:
        raise FourfloorError(f"{FEATURES} holds values that are not finite")
    for name, promised in catalogue.truth_hashes.items():
        with open(catalogue.path / name, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != promised:
                raise FourfloorError(f"{name} is damaged")


def check_content_once(catalogue: Catalogue, features_sha256: str) -> None:
    """Check the content unless it was found sound before and no file was touched since."""
    began = time.time()
    stamp, changed = _stamp(catalogue, features_sha256)
    if stamp.exists():
        return
    check_content(catalogue, features_sha256)
    if _stamp(catalogue, features_sha256)[0] == stamp and began - changed > SETTLED_SECONDS:
        with contextlib.suppress(OSError):  # without a cache folder every load checks again
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.touch()


def _stamp(catalogue: Catalogue, features_sha256: str) -> tuple[Path, float]:
    """Return the file that remembers a dataset as it is now, and when its files changed last, in seconds."""
    stats = [os.stat(catalogue.path / name) for name in (AUDIO, FEATURES, *catalogue.truth_hashes)]
    identity = [(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in stats]
    name = hashlib.sha256(repr((catalogue.data_hash, features_sha256, identity)).encode()).hexdigest()
    return cache_folder() / "sound" / name, max(s.st_ctime for s in stats)


def _blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Read `size` bytes, a block at a time; fewer where the file ends before."""
    while size > 0 and (block := file.read(min(BLOCK, size))):
        size -= len(block)
        yield block
