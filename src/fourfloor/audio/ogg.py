"""The ends of an Ogg file: how long its last page says it is, and whether that page is the last.

In: an open binary file that begins with "OggS". Out: seconds and a flag. Page layout after RFC 3533, section 6;
Opus counts at 48 kHz from before its pre-skip (RFC 7845, sections 4 and 5.1).
"""

import os
import struct
from typing import BinaryIO

# A page is at most 65,307 bytes, so two of that length hold a whole header of the last one.
_TAIL_BYTES = 131_072


def last_page(file: BinaryIO, sample_rate: int) -> tuple[float, bool]:
    """Return the last page's time in seconds and whether it ends the stream; `(0, False)` where there is none."""
    file.seek(0)
    head = file.read(40)
    file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
    tail = file.read()
    page = tail.rfind(b"OggS")
    if page < 0 or len(tail) < page + 14 or len(head) < 40:
        return 0.0, False
    flags, granule = struct.unpack_from("<Bq", tail, page + 5)
    skipped = 0
    if head[28:36] == b"OpusHead":
        skipped, sample_rate = struct.unpack_from("<H", head, 38)[0], 48_000
    return max(0, granule - skipped) / sample_rate, bool(flags & 4)
