"""A file and byte ranges of it -> a read-only file that libsndfile can open, with a header mended in memory.

In: a descriptor and pieces, each either bytes or the `(start, end)` of a range. Out: a file object over their sequence.
Nothing is copied or written: the pieces are looked up as they are read.
"""

import bisect
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

Piece = bytes | tuple[int, int]
# A radio recording joins a stream a song; a file of nothing but headers shall not cost minutes.
MAX_STREAMS = 1000
# No music, picture or padding leaves a longer stretch without a header; a hole of terabytes costs nothing on the disk.
MAX_GAP_BYTES = 1 << 24


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Say where in a file a stream of audio lies that is decoded as one, and what its header claims.

    pieces: what libsndfile is to see; empty stands for the file as it is. `over`: how many times more bytes of audio
    the header claims than there are. `seconds`: what it claims in time, 0 where it claims nothing of that kind.
    `ended`: False where the end is missing by its own marks. `note`: what was mended, in words.
    `damage`: what was left out, in words.
    """

    pieces: tuple[Piece, ...] = ()
    over: float = 1.0
    seconds: float = 0.0
    ended: bool = True
    note: str = ""
    damage: str = ""


class Pieces:
    """Read a sequence of pieces as one file."""

    def __init__(self, descriptor: int, pieces: Sequence[Piece]) -> None:
        self._descriptor = descriptor
        self._pieces = [piece for piece in pieces if _size(piece) > 0]
        self._ends = list(accumulate(map(_size, self._pieces)))
        self._position = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move as `io.IOBase.seek` does; the position stays at 0 or beyond."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._ends[-1] if self._ends else 0}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes; fewer at the end, or where the disk gives no more."""
        found = []
        index = bisect.bisect_right(self._ends, self._position)
        while count > 0 and index < len(self._pieces):
            piece = self._pieces[index]
            skipped = self._position - (self._ends[index] - _size(piece))
            if isinstance(piece, bytes):
                content = piece[skipped : skipped + count]
            else:
                content = self._from_disk(piece[0] + skipped, min(count, piece[1] - piece[0] - skipped))
            if not content:
                break
            found.append(content)
            self._position += len(content)
            count -= len(content)
            index += self._position >= self._ends[index]
        return b"".join(found)

    def _from_disk(self, start: int, count: int) -> bytes:
        """Read bytes of the file; none where the disk fails, since libsndfile passes no exception on."""
        try:
            os.lseek(self._descriptor, start, os.SEEK_SET)
            return os.read(self._descriptor, count)
        except OSError:
            return b""


def _size(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else piece[1] - piece[0]
