"""The length that a header gives, against the bytes that are there: WAV, RF64, AIFF, W64, CAF, AU.

In: an open binary file. Out: its streams, each with a header that lets libsndfile read all that is there. A recorder
that crashed leaves zeros for lengths, a program that writes into a pipe leaves 2^32 - 1, a size beyond 4 GB wraps.
Layouts as in `riff`; W64 after Sony's "Sony Wave64"; CAF after Apple's "Core Audio Format Specification 1.0"; AU after
RFC 4856.
"""

import struct
from typing import BinaryIO

from fourfloor.audio.pieces import MAX_STREAMS, Piece, Stream
from fourfloor.audio.riff import chunks

UNFINISHED = "the header gives no length (an unfinished recording or a stream): read to the end of the file"
WRONG = "the header gives a length that is too short: read to the end of the file"
_UNKNOWN = (0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF)  # of 32 bits, as ffmpeg, sox and recorders leave them
_NEVER = 1 << 43  # bytes: file systems refuse to seek so far
_MAX_CHUNKS = 1024
_PADDING = 1 << 15  # bytes behind the audio that are not looked at
_TAGS = (b"ID3", b"TAG", b"APE")
_MOST_ZEROS = 1 << 24  # behind the audio, which recorders and file systems leave


def sized_streams(file: BinaryIO) -> list[Stream]:
    """Return the streams of a file whose header counts its bytes: one, or several that were joined end to end."""
    joined = _joined(file)
    if len(joined) > 1:
        return joined
    head = at(file, 0, 16)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64"):
        return [_wave(file, head[:4])]
    if head[:4] == b"FORM":
        return [_aiff(file)]
    if head[:4] == b"riff":
        return [_w64(file)]
    if head[:4] == b"caff":
        return [_caf(file)]
    if head[:4] == b".snd":
        start, size = struct.unpack_from(">II", head, 4)
        return [_sized(file, 8, ">I", start, size, 0, tail=False)]
    return [Stream()]


def _joined(file: BinaryIO) -> list[Stream]:
    """Return one stream a file where WAV or AIFF files follow each other, as `cat a.wav b.wav` makes them."""
    length = file.seek(0, 2)
    found: list[Stream] = []
    start = 0
    while len(found) <= MAX_STREAMS:  # one more is what the caller refuses
        head = at(file, start, 12)
        if (head[:4], head[8:]) not in ((b"RIFF", b"WAVE"), (b"FORM", b"AIFF"), (b"FORM", b"AIFC")):
            break
        size = 8 + int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big")
        end = min(start + size, length)
        found.append(Stream(pieces=((start, end),), over=size / (end - start)))
        start = end
    return found


def _wave(file: BinaryIO, kind: bytes) -> Stream:
    """Rebuild the header where its length is wrong."""
    kept: dict[bytes, bytes] = {}
    long = 0
    for name, start, size in chunks(file):
        if name == b"ds64":
            long = int.from_bytes(at(file, start, 16)[8:], "little")
        elif name in (b"fmt ", b"fact") and size < 1 << 16:
            kept[name] = at(file, start - 8, 8 + size + size % 2)
        elif name == b"data":
            claimed = long if kind == b"RF64" and size == 0xFFFFFFFF else size
            plain = _sized(file, start - 4, ">I" if kind == b"RIFX" else "<I", start, claimed, 0)
            if not plain.pieces or kind == b"RIFX":
                return plain
            here = file.seek(0, 2) - start
            head = _wave_head(b"".join(kept.values()), here)
            return Stream(pieces=(head, (start, start + here)), over=plain.over, note=plain.note)
    return Stream()


def _wave_head(kept: bytes, size: int) -> bytes:
    """Return a WAV header up to its audio of `size` bytes; beyond 4 GB an RF64, which libsndfile reads for PCM only."""
    whole = 4 + len(kept) + 8 + size
    if whole < 0xFFFFFFFF:
        return b"RIFF" + struct.pack("<I", whole) + b"WAVE" + kept + b"data" + struct.pack("<I", size)
    lengths = b"ds64" + struct.pack("<IQQQI", 28, whole + 36, size, 0, 0)
    return b"RF64\xff\xff\xff\xffWAVE" + lengths + kept + b"data\xff\xff\xff\xff"


def _aiff(file: BinaryIO) -> Stream:
    """Compare the samples that COMM promises, and the length of SSND, with what is there."""
    promised = 1
    for name, start, size in chunks(file):
        if name == b"COMM" and size == 18:  # longer in AIFC, where frames may be compressed
            channels, frames, bits = struct.unpack(">HIH", at(file, start, 8).ljust(8, b"\0"))
            promised = channels * frames * (-(-bits // 8))
        elif name == b"SSND":  # two numbers come before the samples
            found = _sized(file, start - 4, ">I", start + 8, size - 8, 8)
            present = max(1, file.seek(0, 2) - start - 8)
            if promised == 0 or found.note:
                return Stream(pieces=found.pieces, note=found.note or UNFINISHED)
            return Stream(over=max(found.over, promised / present))
    return Stream()


def _w64(file: BinaryIO) -> Stream:
    position = 40
    for _ in range(_MAX_CHUNKS):
        head = at(file, position, 24)
        if len(head) < 24:
            break
        size = int.from_bytes(head[16:], "little")
        if head[:4] == b"data":
            start, claimed = position + 24, size - 24
            found = _sized(file, position + 16, "<Q", start, claimed, 24, align=8)
            after = 0 < claimed < file.seek(0, 2) - start and not found.pieces
            # libsndfile takes what follows for audio, too.
            return Stream(pieces=((0, start + claimed),)) if after else found
        position += max(24, size + -size % 8)
    return Stream()


def _caf(file: BinaryIO) -> Stream:
    position = 8
    for _ in range(_MAX_CHUNKS):
        head = at(file, position, 12)
        if len(head) < 12:
            break
        size = int.from_bytes(head[4:], "big")
        if head[:4] == b"data":  # a count of edits comes before the samples
            return _sized(file, position + 4, ">Q", position + 16, size - 4, 4, align=1)
        position += 12 + size
    return Stream()


def _sized(
    file: BinaryIO, place: int, form: str, start: int, claimed: int, extra: int, align: int = 2, tail: bool = True
) -> Stream:
    """Compare the bytes of audio claimed with those from `start` to the end of the file; mend a useless size.

    The size is at `place`, packed as `form`, and counts `extra` bytes beside the audio. Where `tail`, other chunks may
    follow, aligned to `align` bytes.
    """
    length = file.seek(0, 2)
    present = length - start
    unknown = claimed + extra in _UNKNOWN or claimed + extra >= _NEVER or claimed <= 0
    if present <= 0 or (claimed <= 0 and tail and _chunkat(file, start, length)):
        return Stream()
    if not unknown and claimed > present:
        # libsndfile reads what is there, except in a CAF.
        return Stream(
            pieces=_resized(place, form, present + extra, length) if form == ">Q" else (), over=claimed / present
        )
    if not unknown and (_is_zeros(file, start + claimed, length) or at(file, start + claimed, 3) in _TAGS):
        return Stream()
    if (
        not unknown
        and tail
        and (_chunkat(file, start + claimed + -claimed % align, length) or present - claimed < _PADDING)
    ):
        return Stream()
    return Stream(pieces=_resized(place, form, present + extra, length), note=UNFINISHED if unknown else WRONG)


def _resized(place: int, form: str, size: int, length: int) -> tuple[Piece, ...]:
    field = struct.pack(form, min(size, 256 ** struct.calcsize(form) - 2))
    return (0, place), field, (place + len(field), length)


def _chunkat(file: BinaryIO, position: int, length: int) -> bool:
    """Return whether a chunk or a tag begins here, or the file ends."""
    head = at(file, position, 8)
    named = len(head) == 8 and all(32 <= byte < 127 for byte in head[:4])
    return position >= length - 8 or named or head[:3] in _TAGS


def _is_zeros(file: BinaryIO, position: int, length: int) -> bool:
    """Return whether nothing or zeros follow, as space that was reserved; more of them count as silent audio."""
    return length - position <= _MOST_ZEROS and not at(file, position, length - position).strip(b"\0")


def at(file: BinaryIO, position: int, count: int) -> bytes:
    """Return up to `count` bytes of a file from a position on; none where no file reaches, whatever a header says."""
    if position >= _NEVER:
        return b""
    file.seek(position)
    return file.read(count)
