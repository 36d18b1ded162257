"""The pages of an Ogg file: its streams, one after the other, how long each is and whether its last page is there.

In: an open binary file that begins with "OggS". Out: its streams. libsndfile reads the first of streams that were
joined (radio recordings, `cat`), and no FLAC in Ogg: each stream is handed over alone, FLAC without its pages. Page
layout after RFC 3533, section 6; Opus counts at 48 kHz from before its pre-skip (RFC 7845, sections 4 and 5.1); FLAC
after the Ogg mapping in RFC 9639, section 10.1.
"""

import struct
from dataclasses import dataclass, field
from typing import BinaryIO

from fourfloor.audio.flac_streams import flac_rate, unbounded_flac
from fourfloor.audio.lengths import at
from fourfloor.audio.pieces import MAX_GAP_BYTES, MAX_STREAMS, Piece, Stream

_BLOCK_BYTES = 1 << 16
_FIRST, _LAST = 2, 4
_FLAC_MARK = b"\x7fFLAC"
_FLAC_EXTRA = 9  # of the mapping, before "fLaC" and STREAMINFO
# 20 ms a page, the shortest that encoders write, are four hours; a file of tiny pages shall not cost minutes.
_MAX_PAGES = 720_000
_MAX_MISSES = 4096
_MAX_BODIES = 400_000  # of 90 ms each, as FLAC encoders write them, they are ten hours


@dataclass
class _Link:
    """Gather one stream: of several at a time (a film's) the first that is sound."""

    start: int
    end: int = 0
    serial: int = -1
    head: bytes = b""
    granule: int = 0
    ended: bool = False
    begun: bool = False
    bodies: list[Piece] = field(default_factory=list)


def ogg_streams(file: BinaryIO) -> list[Stream]:
    """Return the streams of an Ogg file in order; ValueError where there are too many."""
    length = file.seek(0, 2)
    links: list[_Link] = []
    position = pages = misses = 0
    while pages < _MAX_PAGES and misses < _MAX_MISSES and len(links) <= MAX_STREAMS:
        page = _page(file, position)
        if page is None:
            misses += 1
            position = _next(file, position + 1)
            if position < 0:
                break
            continue
        pages += 1
        flags, granule, serial, body, end = page
        misses += body == end  # music fills its pages: nothing but empty ones shall cost nothing
        if flags & _FIRST and (not links or links[-1].begun):
            links.append(_Link(start=position))
        if links:
            links[-1].end = min(end, length)
            _add(links[-1], file, flags, granule, serial, body, min(end, length))
        position = end
    else:
        raise ValueError("has more pages or streams than hours of music, or damage in too many places; export it again")
    streams = [_stream(link, whole=len(links) == 1 and (link.start, link.end) == (0, length)) for link in links]
    return streams or [Stream(ended=False)]


def _page(file: BinaryIO, position: int) -> tuple[int, int, int, int, int] | None:
    """Return flags, granule, serial number, and where the body starts and ends; None where no page begins."""
    head = at(file, position, 27 + 255)
    if len(head) < 27 or head[:5] != b"OggS\0":
        return None
    flags, granule, serial, count = struct.unpack("<BqI8xB", head[5:27])
    body = position + 27 + count
    return flags, granule, serial, body, body + sum(head[27 : 27 + count])


def _next(file: BinaryIO, position: int) -> int:
    """Return where the next page begins, -1 where none does: what is damaged is passed over."""
    for start in range(position, position + MAX_GAP_BYTES, _BLOCK_BYTES):
        block = at(file, start, _BLOCK_BYTES + 4)
        if (found := block.find(b"OggS\0")) >= 0:
            return start + found
        if len(block) <= _BLOCK_BYTES:
            break
    return -1


def _add(link: _Link, file: BinaryIO, flags: int, granule: int, serial: int, body: int, end: int) -> None:
    """Add a page to a stream, where it is part of it."""
    if flags & _FIRST and not link.begun:
        head = at(file, body, min(end - body, 64))
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
        if len(link.bodies) >= _MAX_BODIES:
            raise ValueError("has more pages of FLAC than hours of music; export it again as FLAC")
        link.bodies.append((body, end))


def _stream(link: _Link, whole: bool) -> Stream:
    if link.head.startswith(_FLAC_MARK) and len(link.head) >= _FLAC_EXTRA + 42:
        first, *rest = link.bodies
        assert not isinstance(first, bytes)
        head = link.head[_FLAC_EXTRA : _FLAC_EXTRA + 42]
        flac = unbounded_flac(((first[0] + _FLAC_EXTRA, first[1]), *rest), head)
        seconds = flac.seconds or link.granule / max(1, flac_rate(head))
        return Stream(pieces=flac.pieces, seconds=seconds, ended=link.ended)
    pieces = () if whole else ((link.start, link.end),)
    return Stream(pieces=pieces, seconds=_seconds(link), ended=link.ended)


def _seconds(link: _Link) -> float:
    """Return what the last page says of a stream's length, 0 where its kind is not known."""
    if link.head.startswith(b"OpusHead") and len(link.head) >= 12:
        return max(0, link.granule - struct.unpack_from("<H", link.head, 10)[0]) / 48_000
    if link.head.startswith(b"\x01vorbis") and len(link.head) >= 16:
        return link.granule / max(1, struct.unpack_from("<I", link.head, 12)[0])
    return 0.0
