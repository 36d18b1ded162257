"""The frames of an MPEG file (MP3, MP2), counted: its streams, how long each is, and what its tag claims.

In: an open binary file. Out: its streams. libmpg123 believes the tag of a variable bit rate (Xing, VBRI), guesses from
the first frames where there is none, and reads no further than that; after some bytes that are no frame it stops. So
each stream is handed over alone, with silent frames in place of broken ones and a tag that counts the frames that are
there. Frame header after ISO/IEC 11172-3, 2.4.2.3 and 13818-3, 2.4.2.3.
"""

import itertools
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from fourfloor.audio.pieces import MAX_GAP_BYTES, Piece, Stream

_RATES = (44_100, 48_000, 32_000)
# By layer, and whether the rate is one of MPEG 2.
_KBPS = {
    (1, 0): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (2, 0): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 0): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (1, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 1): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (3, 1): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_BUFFER_BYTES, _LONGEST_FRAME = 1 << 20, 2048
# Noise has 80 false headers a megabyte; a file made of nothing else shall not cost minutes.
_MAX_MISSES = 4096
_MAX_SECONDS = 8 * 3600.0
# Fewer frames (a quarter of a second) of another kind than those around them are damage, not music.
_LEAST_FRAMES = 10
# That chance makes as many in a row, each where the one before it ends, is out of the question.
_SURE_FRAMES = 12
_HEADER = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][\x10-\xef]")
# Up to three frames more than claimed are the tag itself, the decoder's delay and the encoder's padding.
_TOLERANCE = 4


class _Frame(NamedTuple):
    kind: tuple[int, int, int, bool]  # layer, rate, samples, mono: what does not change within a stream
    start: int
    size: int
    header: bytes


@dataclass
class _Link:
    """Gather the frames of one stream; `claimed` frames by its tag, whose count is at `count_at`."""

    first: _Frame
    last: _Frame
    claimed: int = 0
    count_at: int = 0
    frames: int = 0
    pieces: list[Piece] = field(default_factory=list)  # runs of frames, and silent frames between them
    damaged: int = 0  # places where bytes that are no frame broke one
    silenced: int = 0  # frames
    ended: bool = True

    def add(self, frame: _Frame, content: bytes, in_step: bool, length: int) -> None:
        """Take up a frame of a file of `length` bytes; where it had to be searched for, the one before it is broken."""
        if self.pieces and not in_step:
            self._silence(frame)
        end = min(length, frame.start + frame.size)
        self.ended = frame.start + frame.size <= length
        self.frames += self.ended and not _tag(frame, content)[1]
        run = self.pieces[-1] if self.pieces else b""
        if isinstance(run, tuple) and run[1] == frame.start:
            self.pieces[-1] = (run[0], end)
        else:
            self.pieces.append((frame.start, end))
        self.last = frame

    def _silence(self, following: _Frame) -> None:
        """Put silent frames in place of the last one and of what lies between it and the following."""
        start, _ = self.pieces[-1]
        self.pieces[-1] = (start, self.last.start)
        mean_size = (self.last.start + self.last.size - self.first.start) / (self.frames + 1)  # bit rates may vary
        count = max(1, round((following.start - self.last.start) / mean_size))
        self.pieces.append(_silent(self.last) * count)
        self.damaged += 1
        self.silenced += count
        self.frames += count - 1


def mpeg_streams(file: BinaryIO) -> list[Stream]:
    """Return the streams of an MPEG file in order; one as it is where no frames are found."""
    links: list[_Link] = []
    length = file.seek(0, 2)
    for frame, content, in_step in _frames(file):
        claimed, count_at = _tag(frame, content)
        if count_at or not links or links[-1].first.kind != frame.kind:
            if links and not links[-1].count_at and links[-1].frames < _LEAST_FRAMES:
                links.pop()
            if count_at or not links or links[-1].first.kind != frame.kind:
                links.append(_Link(frame, frame, claimed, count_at))
        links[-1].add(frame, content, in_step, length)
    links = [link for link in links if link.frames]
    return [_stream(link, file, alone=len(links) == 1) for link in links] or [Stream()]


def holds_frames(file: BinaryIO) -> bool:
    """Return whether a file of no known beginning is MPEG: recordings of the radio begin in the middle of a frame."""
    frames = [frame for frame, _, _ in itertools.islice(_frames(file), _SURE_FRAMES)]
    in_row = all(one.start + one.size == other.start for one, other in itertools.pairwise(frames))
    return len(frames) == _SURE_FRAMES and in_row and len({frame.kind for frame in frames}) == 1


def after_id3(head: bytes) -> int:
    """Return where an ID3v2 tag ends that a file's first ten bytes announce (ID3v2.4, 3.1), 0 where there is none."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = (head[6] << 21) | (head[7] << 14) | (head[8] << 7) | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _stream(link: _Link, file: BinaryIO, alone: bool) -> Stream:
    """Hand over the frames with a count that is right: the tag's own where there is one, else a new tag."""
    layer, rate, samples, _ = link.first.kind
    seconds = link.frames * samples / rate
    places = f"{link.damaged} place{'s' * (link.damaged > 1)}"
    damage = f"damaged in {places}: {link.silenced * samples / rate:.2f} s silenced" if link.damaged else ""
    if not link.count_at:
        tag: tuple[Piece, ...] = (_new_tag(link, file),) if layer == 3 else ()
        return Stream(pieces=(*tag, *link.pieces), ended=link.ended, damage=damage)
    believable = link.claimed * samples / rate <= _MAX_SECONDS  # else the tag is damaged, not the file cut short
    if link.claimed >= link.frames and believable:
        return Stream(pieces=() if alone and len(link.pieces) == 1 else tuple(link.pieces), damage=damage)
    count = struct.pack(">I", link.frames)
    note = ""
    if not believable or link.frames - link.claimed >= _TOLERANCE:
        note = f"the tag claims {link.claimed * samples / rate:.2f} s of {seconds:.2f} s: all read"
    (start, end), *others = link.pieces
    pieces = ((start, link.count_at), count, (link.count_at + 4, end), *others)
    return Stream(pieces=pieces, note=note, damage=damage)


def _frames(file: BinaryIO) -> Iterator[tuple[_Frame, bytes, bool]]:
    """Yield each frame, the last perhaps cut short, its first bytes, and whether it follows a frame or a tag.

    What else lies between frames is passed over.
    """
    file.seek(0)
    base = position = after_id3(file.read(10))
    buffer, misses, seconds, in_step, last = b"", 0, 0.0, True, False
    sound = position
    while misses < _MAX_MISSES and seconds < _MAX_SECONDS and position < sound + MAX_GAP_BYTES:
        if not last and position + 2 * _LONGEST_FRAME > base + len(buffer):
            file.seek(position)
            base, buffer = position, file.read(_BUFFER_BYTES)
            last = len(buffer) < _BUFFER_BYTES
        at = position - base
        if at + 4 > len(buffer):
            return
        frame = _frame(buffer, at, position)
        # Out of step, a header counts only where another follows it: chance makes single ones.
        if frame and (in_step or _frame(buffer, at + frame.size, 0)):
            yield frame, buffer[at : at + 64], in_step
            position += frame.size
            sound = position
            seconds += frame.kind[2] / frame.kind[1]
            in_step = True
        else:
            tag = after_id3(buffer[at : at + 10])
            following = None if tag else _HEADER.search(buffer, at + 1)
            position = (
                position + tag if tag else base + (following.start() if following else max(at + 1, len(buffer) - 3))
            )
            misses += 1
            in_step = bool(tag)


def _frame(buffer: bytes, at: int, start: int) -> _Frame | None:
    """Return the frame whose header is here; None where there is none."""
    header = int.from_bytes(buffer[at : at + 4])
    version, layer = header >> 19 & 3, 4 - (header >> 17 & 3)
    bitrate, rate, padding = header >> 12 & 15, header >> 10 & 3, header >> 9 & 1
    if header >> 21 != 0x7FF or version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    halvings = {3: 0, 2: 1, 0: 2}[version]  # MPEG 1, 2 and 2.5
    sample_rate = _RATES[rate] >> halvings
    bits = _KBPS[layer, min(halvings, 1)][bitrate] * 1000
    samples = 384 if layer == 1 else 576 if layer == 3 and halvings else 1152
    slot = 4 if layer == 1 else 1
    size = (samples // 8 // slot * bits // sample_rate + padding) * slot
    return _Frame((layer, sample_rate, samples, header >> 6 & 3 == 3), start, size, buffer[at : at + 4])


def _silent(frame: _Frame) -> bytes:
    """Return a frame like another that holds nothing; ones in the room of its sound are zeros to most code tables.

    The next frames may begin in that room.
    """
    header = bytearray(frame.header)
    header[1] |= 1  # no checksum
    if frame.kind[0] != 3:
        return bytes(header).ljust(frame.size, b"\0")
    return (bytes(header) + bytes(_side_bytes(frame))).ljust(frame.size, b"\xff")[: frame.size]


def _side_bytes(frame: _Frame) -> int:
    """Return how many bytes of a layer III frame lie between its header and its main data."""
    _, _, samples, mono = frame.kind
    return (17 if mono else 32) if samples == 1152 else (9 if mono else 17)


def _tag(frame: _Frame, content: bytes) -> tuple[int, int]:
    """Return the frames that a Xing or VBRI tag claims and where it says so; zeros for a frame of sound."""
    place = 4 + _side_bytes(frame)
    if frame.kind[0] == 3 and content[place : place + 4] in (b"Xing", b"Info") and content[place + 7] & 1:
        return int.from_bytes(content[place + 8 : place + 12]), frame.start + place + 8
    if content[36:40] == b"VBRI":
        return int.from_bytes(content[50:54]), frame.start + 50
    return 0, 0


def _new_tag(link: _Link, file: BinaryIO) -> bytes:
    """Return a frame with a Xing tag for a stream that has none: its header at another bit rate, else empty."""
    file.seek(link.first.start)
    header = bytearray(file.read(4))
    header[1] |= 1  # no checksum
    header[2] = 0x90 | header[2] & 0x0C  # room for the tag at every rate; no padding
    frame = _frame(bytes(header), 0, 0)
    assert frame is not None
    tag = bytes(header) + bytes(_side_bytes(frame)) + b"Xing" + struct.pack(">II", 1, link.frames)
    return tag.ljust(frame.size, b"\0")
