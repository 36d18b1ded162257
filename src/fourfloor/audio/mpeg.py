"""The frames of an MP3 file, counted: libmpg123 guesses the length of a file without a Xing tag from its first frames.

In: an open binary file. Out: its length in seconds. Frame header after ISO/IEC 11172-3, 2.4.2.3 and 13818-3, 2.4.2.3.
"""

import re
from typing import BinaryIO

_MPEG1_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = (44_100, 48_000, 32_000)
# Four hours at 320 kb/s are 576 MB; what is longer is refused before.
_MAX_BYTES = 1 << 30
_BUFFER_BYTES = 1 << 20
# Noise has 80 false headers a megabyte; a file made of nothing else shall not cost minutes.
_MAX_MISSES = 4096
_HEADER = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]")


def frame_seconds(file: BinaryIO) -> float:
    """Return the length of all whole layer III frames; what lies between them is passed over."""
    position, seconds, misses = _after_id3(file), 0.0, 0
    while position < _MAX_BYTES and misses < _MAX_MISSES:
        file.seek(position)
        buffer = file.read(_BUFFER_BYTES)
        if len(buffer) < 4:
            break
        used, length, missed = _walk(buffer)
        position, seconds, misses = position + used, seconds + length, misses + missed
    return seconds


def _after_id3(file: BinaryIO) -> int:
    """Return where an ID3v2 tag ends (ID3v2.4, 3.1), 0 where there is none."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = (head[6] << 21) | (head[7] << 14) | (head[8] << 7) | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _walk(buffer: bytes) -> tuple[int, float, int]:
    """Return how many bytes are done with (at least one), the seconds of the whole frames in them, and the misses."""
    position, seconds, misses, in_step = 0, 0.0, 0, True
    while position + 4 <= len(buffer) and misses < _MAX_MISSES:
        size, length = _frame(buffer, position)
        if size and position + size > len(buffer):
            return (position or len(buffer)), seconds, misses  # the next buffer begins here, or the file ends here
        # Out of step, a header counts only where another follows it: chance makes single ones.
        if size and (in_step or _frame(buffer, position + size)[0]):
            position += size
            seconds += length
            in_step = True
        else:
            following = _HEADER.search(buffer, position + 1)
            position = following.start() if following else len(buffer)
            misses += 1
            in_step = False
    return max(1, position), seconds, misses


def _frame(buffer: bytes, position: int) -> tuple[int, float]:
    """Return the bytes and the seconds of the frame whose header is here; zeros where there is none."""
    header = int.from_bytes(buffer[position : position + 4])
    version, layer = header >> 19 & 3, header >> 17 & 3
    bitrate, rate, padding = header >> 12 & 15, header >> 10 & 3, header >> 9 & 1
    if header >> 21 != 0x7FF or version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return 0, 0.0
    halvings = {3: 0, 2: 1, 0: 2}[version]  # MPEG 1, 2 and 2.5
    sample_rate = _RATES[rate] >> halvings
    samples = 576 if halvings else 1152
    kbps = (_MPEG2_KBPS if halvings else _MPEG1_KBPS)[bitrate]
    return samples // 8 * kbps * 1000 // sample_rate + padding, samples / sample_rate
