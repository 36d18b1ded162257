"""How much of an index one part holds: so much that it can be built in memory, and its files be read again.

A model's music is added part by part: what fills no part yet is joined with what comes next.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain

from fourfloor.copies.index import CopyIndex
from fourfloor.copies.passages import Passage
from fourfloor.copies.patches import FRAME_RATE
from fourfloor.errors import FourfloorError

PART_FRAMES = int(100 * 3600 * FRAME_RATE)  # 100 hours: half a gigabyte while it is built, a quarter on disk
PART_TEXT = 8_000_000  # bytes that describe its passages, half of what is read of a description


def parts_of(passages: Iterable[Passage], parent: CopyIndex | None = None) -> Iterator[CopyIndex]:
    """Yield the parts of an index of passages, and of what `parent` holds beside them."""
    known: set[tuple[object, ...]] = set()
    last: CopyIndex | None = None
    for part in _analyzed(passages):
        if last is not None:
            yield last
        last = part
        known.update(part.table.rows())
    last = last or CopyIndex.of([])
    for part in parent.parts if parent else ():
        if part.top_hz != last.top_hz:
            raise FourfloorError(f"copy indexes up to {last.top_hz:g} and {part.top_hz:g} Hz cannot be joined")
        theirs = CopyIndex.of([]).joined(part, known) if known.intersection(part.table.rows()) else part
        if not len(theirs.table):
            continue
        if _is_full(last, theirs):
            yield last
            last = theirs
        else:
            last = last.joined(part, known)
    yield last


def _analyzed(passages: Iterable[Passage]) -> Iterator[CopyIndex]:
    rest = iter(passages)
    for first in rest:
        yield CopyIndex.of(_until_full(first, rest))


def _until_full(first: Passage, rest: Iterator[Passage]) -> Iterator[Passage]:
    """Yield passages that make a part."""
    frames, text = 0.0, 0
    for passage in chain([first], rest):
        yield passage
        frames += passage.waveform.shape[1] / passage.sample_rate * FRAME_RATE
        text += _text(passage.name)
        if frames >= PART_FRAMES or text >= PART_TEXT:
            return


def _is_full(*indices: CopyIndex) -> bool:
    """Return whether these together are more than a part."""
    frames = sum(int(index.table.lengths.sum()) for index in indices)
    return frames > PART_FRAMES or sum(_text(name) for index in indices for name in index.table.names) > PART_TEXT


def _text(name: str) -> int:
    """Return the bytes that describe a passage, at most."""
    return len(json.dumps(name)) + 80
