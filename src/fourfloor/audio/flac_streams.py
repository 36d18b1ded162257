"""The FLAC streams of a file, each read to its end whatever its header claims.

In: an open binary file, or the pieces of one stream. Out: streams. Players read on where files were joined; libFLAC
stops at the first seam, and libsndfile where the header says that it ends. After RFC 9639.
"""

import itertools
import re
from collections.abc import Iterator
from typing import BinaryIO

from fourfloor.audio.lengths import UNFINISHED, at
from fourfloor.audio.pieces import MAX_GAP_BYTES, MAX_STREAMS, Piece, Stream

_HEAD = re.compile(rb"fLaC[\x00\x80]\0\0\x22")  # STREAMINFO, perhaps the last block of the header
_HEAD_BYTES = 42
_BLOCK_BYTES = 1 << 20
_TOTAL = slice(21, 26)  # the byte with four bits of the depth and four of the total, and the total's other 32


def flac_streams(file: BinaryIO) -> list[Stream]:
    """Return the FLAC streams of a file in order; one as it is where no header is found."""
    starts = [
        start
        for start in itertools.islice(_starts(file), MAX_STREAMS + 1)
        if len(at(file, start, _HEAD_BYTES)) == _HEAD_BYTES
    ]
    ends = [*starts[1:], file.seek(0, 2)][: len(starts)]
    streams = [
        unbounded_flac(((start, end),), at(file, start, _HEAD_BYTES)) for start, end in zip(starts, ends, strict=True)
    ]
    return streams or [Stream()]


def _starts(file: BinaryIO) -> Iterator[int]:
    """Yield the positions of FLAC headers; a file that begins otherwise (with a tag) has one in its first part."""
    position, empty, found = 0, 0, at(file, 0, 4) == b"fLaC"
    while empty < MAX_GAP_BYTES and (found or position < MAX_GAP_BYTES):
        block = at(file, position, _BLOCK_BYTES + 7)
        if not block:
            return
        for match in _HEAD.finditer(block):
            found = True
            yield position + match.start()
        empty = empty + len(block) if block.count(0) == len(block) else 0
        position += _BLOCK_BYTES


def unbounded_flac(pieces: tuple[Piece, ...], head: bytes) -> Stream:
    """Return a FLAC stream that is read to its end, whatever its header claims.

    `head` are its first 42 bytes, "fLaC" and STREAMINFO, which the first pieces begin with.
    """
    rate = flac_rate(head)
    total = int.from_bytes(head[_TOTAL]) & 0xFFFFFFFFF
    first = pieces[0]
    assert not isinstance(first, bytes)
    patched = head[:21] + bytes([head[21] & 0xF0]) + bytes(4) + head[26:]
    rest = ((first[0] + len(patched), first[1]), *pieces[1:])
    return Stream(pieces=(patched, *rest), seconds=total / rate if rate else 0.0, note="" if total else UNFINISHED)


def flac_rate(head: bytes) -> int:
    """Return the sample rate in STREAMINFO."""
    return int.from_bytes(head[18:21]) >> 4
