"""What a file claims, against what was decoded of it: the length of each stream, and samples that are not sound.

In: the headers, and the count of what was read. Out: lines that say what was missing or mended, or an AudioError.
"""

from dataclasses import dataclass, field

from fourfloor.audio.files import AudioError
from fourfloor.audio.kinds import CONVERT
from fourfloor.audio.opening import MAX_SAMPLES, AudioInfo, OpenFile
from fourfloor.audio.pieces import Stream

MAX_BAD_SHARE = 0.01
_TOLERANCE = 0.02  # seconds, as codecs pad


@dataclass
class Tally:
    """Count over all streams of a file: samples read and samples silenced; and note what is to be said."""

    samples: int = 0
    bad: int = 0
    stopped: str = ""
    lines: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)

    @property
    def lost(self) -> list[str]:
        """Return what says that samples are missing or silenced."""
        return self.short + ([self._silenced] if self.bad else [])

    @property
    def _silenced(self) -> str:
        return f"{self.bad} samples NaN or beyond +24 dBFS, silenced"

    def compare(self, stream: Stream, info: AudioInfo, frames: int, place: str) -> None:
        """Say where one stream is not as long as it claims; `place` names it among others."""
        seconds, claimed = frames / info.sample_rate, info.seconds * stream.over
        # libsndfile takes a damaged first page for a stream that was joined late. A page holds seconds;
        # what begins further on was joined late indeed, and lacks nothing.
        if info.container == "OGG" and 0 < stream.seconds - claimed < 10:
            claimed = stream.seconds
        if stream.note and stream.note not in self.lines:
            self.lines.append(stream.note)
        short = ""
        if claimed - seconds > _TOLERANCE:
            short = f"cut short{place}: {seconds:.2f} s of {claimed:.2f} s claimed"
        elif claimed and seconds - claimed > _TOLERANCE:
            self.lines.append(f"longer than it claims{place}: {seconds:.2f} s, {claimed:.2f} s claimed; all read")
        elif not stream.ended:
            short = f"cut short{place}: {seconds:.2f} s, without its end"
        elif not info.frames and self.stopped != "end of data":
            short = f"cut short{place}: {seconds:.2f} s, then {self.stopped}"
        said = [line for line in (stream.damage, short) if line]
        self.short += said
        self.lines += said

    def judged(self, file: OpenFile) -> list[str]:
        """Return what is to be said of the whole file; raise AudioError where too little of it was sound."""
        path = file.info.path
        if self.samples == 0:
            raise AudioError(path, f"nothing could be decoded ({self.stopped or 'no audio'}); {CONVERT}")
        if self.bad > MAX_BAD_SHARE * self.samples:
            share = 100 * self.bad / self.samples
            raise AudioError(path, f"{share:.0f} % of the samples are NaN or beyond +24 dBFS; {CONVERT}")
        if self.samples > MAX_SAMPLES:
            raise AudioError(path, f"is longer than 4 h of 48 kHz stereo; split it or {CONVERT}")
        joined = f"{len(file.streams)} streams one after the other in one file: all read"
        unread = f"{file.unread} more streams in it cannot be read: left out"
        folded = f"{file.info.channels} channels folded to stereo"
        said = {
            joined: len(file.streams) > 1, unread: file.unread > 0, folded: file.info.channels > 2,
            self._silenced: self.bad > 0,
        }  # fmt: skip
        return self.lines + [line for line, holds in said.items() if holds]
