"""What the verbs of `edit` return: where the files of a loop are, and what is in them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StemFiles:
    """The stems of a loop.

    Attributes:
        loop: The loop's file.
        bpm: Its tempo in BPM.
        bars: Its length in bars.
        stems: The WAV file of each stem: kick, drums, bass and music.
        levels_db: Power of each stem in dB below full scale; None for a silent one.
    """

    loop: Path
    bpm: float
    bars: int
    stems: dict[str, Path]
    levels_db: dict[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """Return a row of what `fourfloor stems --json` prints."""
        return {**vars(self), "loop": str(self.loop), "stems": {name: str(path) for name, path in self.stems.items()}}


@dataclass(frozen=True, kw_only=True)
class MidiFile:
    """The notes of a loop.

    Attributes:
        loop: The loop's file.
        bpm: Its tempo in BPM.
        bars: Its length in bars.
        file: The MIDI file.
        notes: Number of notes by instrument: kick, snare, clap, hat, open (hat) and bass.
    """

    loop: Path
    bpm: float
    bars: int
    file: Path
    notes: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return a row of what `fourfloor midi --json` prints."""
        return {**vars(self), "loop": str(self.loop), "file": str(self.file)}


@dataclass(frozen=True, kw_only=True)
class ReplayedFile:
    """A loop's groove, played by other sounds.

    Attributes:
        loop: The loop's file.
        bpm: Its tempo in BPM.
        bars: Its length in bars.
        file: The new WAV file.
        notes: Number of notes by instrument.
        left_out: Number of hits for which the kit has no sound, by instrument.
    """

    loop: Path
    bpm: float
    bars: int
    file: Path
    notes: dict[str, int]
    left_out: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return a row of what `fourfloor rekit --json` prints."""
        return {**vars(self), "loop": str(self.loop), "file": str(self.file)}
