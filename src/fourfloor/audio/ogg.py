"""The pages of an Ogg file: its streams, one after the other, how long each is and whether its last page is there.

In: an open binary file that begins with "OggS". Out: its streams. libsndfile reads the first of streams that were
joined (radio recordings, `cat`), and no FLAC in Ogg: each stream is handed over alone, FLAC without its pages. Page
layout after RFC 3533, section 6; Opus counts at 48 kHz from before its pre-skip (RFC 7845, sections 4 and 5.1); FLAC
after the Ogg mapping in RFC 9639, section 10.1.
"""

import struct
from dataclasses import dataclass, field
from typing import BinaryIO

from fourfloor.audio.lengths import flac_rate, unbounded_flac
from fourfloor.audio.pieces import Piece, Stream

_BLOCK_BYTES = 1 << 20
_FIRST, _LAST = 2, 4
_FLAC_MARK = b"\x7fFLAC"
_FLAC_EXTRA = 9  # of the mapping, before "fLaC" and STREAMINFO
# 20 ms a page, the shortest that encoders write, are eight hours; a file of empty pages shall not cost minutes.
_MAX_PAGES = 1_440_000


@dataclass
class _Link:
    """Gather one stream: of several at a time (a film's) the first that is sound."""

    start: int
    serial: int = -1
    head: bytes = b""
    granule: int = 0
    ended: bool = False
    begun: bool = False
    bodies: list[Piece] = field(default_factory=list)


def ogg_streams(file: BinaryIO) -> list[Stream]:
    """Return the streams of an Ogg file in order."""
    length = file.seek(0, 2)
    links: list[_Link] = []
    position = 0
    for _ in range(_MAX_PAGES):
        page = _page(file, position)
        if page is None:
            position = _next(file, position + 1)
            if position < 0:
                break
            continue
        flags, granule, serial, body, end = page
        if flags & _FIRST and (not links or links[-1].begun):
            links.append(_Link(start=position))
        if links:
            _add(links[-1], file, flags, granule, serial, body, min(end, length))
        position = end
    ends = [*(link.start for link in links[1:]), length][: len(links)]
    streams = [_stream(link, end, alone=len(links) == 1) for link, end in zip(links, ends, strict=True)]
    return streams or [Stream(ended=False)]


def _page(file: BinaryIO, position: int) -> tuple[int, int, int, int, int] | None:
    """Return flags, granule, serial number, and where the body starts and ends; None where no page begins."""
    file.seek(position)
    head = file.read(27 + 255)
    if len(head) < 27 or head[:5] != b"OggS\0":
        return None
    flags, granule, serial, count = struct.unpack("<BqI8xB", head[5:27])
    body = position + 27 + count
    return flags, granule, serial, body, body + sum(head[27 : 27 + count])


def _next(file: BinaryIO, position: int) -> int:
    """Return where the next page begins, -1 where none does: what is damaged is passed over."""
    file.seek(position)
    while block := file.read(_BLOCK_BYTES):
        if (found := block.find(b"OggS\0")) >= 0:
            return position + found
        if len(block) < _BLOCK_BYTES:
            return -1
        position += _BLOCK_BYTES - 4
        file.seek(position)
    return -1


def _add(link: _Link, file: BinaryIO, flags: int, granule: int, serial: int, body: int, end: int) -> None:
    """Add a page to a stream, where it is part of it."""
    if flags & _FIRST and not link.begun:
        file.seek(body)
        head = file.read(min(end - body, 64))
        if link.serial < 0 or head.startswith((b"\x01vorbis", b"OpusHead", _FLAC_MARK)):
            link.serial, link.head, link.bodies = serial, head, []
    else:
        link.begun = True
    if serial != link.serial:
        return
    if granule >= 0:
        link.granule = granule
    link.ended = bool(flags & _LAST)
    if link.head.startswith(_FLAC_MARK):
        link.bodies.append((body, end))


def _stream(link: _Link, end: int, alone: bool) -> Stream:
    if link.head.startswith(_FLAC_MARK) and len(link.head) >= _FLAC_EXTRA + 42:
        first, *rest = link.bodies
        assert not isinstance(first, bytes)
        head = link.head[_FLAC_EXTRA : _FLAC_EXTRA + 42]
        flac = unbounded_flac(((first[0] + _FLAC_EXTRA, first[1]), *rest), head)
        seconds = flac.seconds or link.granule / max(1, flac_rate(head))
        return Stream(pieces=flac.pieces, seconds=seconds, ended=link.ended)
    pieces = () if alone and link.start == 0 else ((link.start, end),)
    return Stream(pieces=pieces, seconds=_seconds(link), ended=link.ended)


def _seconds(link: _Link) -> float:
    """Return what the last page says of a stream's length, 0 where its kind is not known."""
    if link.head.startswith(b"OpusHead") and len(link.head) >= 12:
        return max(0, link.granule - struct.unpack_from("<H", link.head, 10)[0]) / 48_000
    if link.head.startswith(b"\x01vorbis") and len(link.head) >= 16:
        return link.granule / max(1, struct.unpack_from("<I", link.head, 12)[0])
    return 0.0
