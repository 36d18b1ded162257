"""What the verbs of `edit` return: where the files of a loop are, and what is in them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class EditedLoop:
    """Name the loop that was split, transcribed or replayed."""

    loop: Path
    bpm: float
    bars: int

    def to_json(self) -> dict[str, Any]:
        """Return a row of what the command prints with `--json`."""
        return {name: _plain(value) for name, value in vars(self).items()}


@dataclass(frozen=True, kw_only=True)
class StemFiles(EditedLoop):
    """The stems of a loop.

    Attributes:
        loop: The loop's file.
        bpm: Its tempo in BPM.
        bars: Its length in bars.
        stems: The WAV file of each stem: kick, drums, bass and music.
        levels_db: Power of each stem in dB below full scale; None for a silent one.
    """

    stems: dict[str, Path]
    levels_db: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class MidiFile(EditedLoop):
    """The notes of a loop.

    Attributes:
        loop: The loop's file.
        bpm: Its tempo in BPM.
        bars: Its length in bars.
        file: The MIDI file.
        notes: Number of notes by instrument: kick, snare, clap, hat, open (hat) and bass.
    """

    file: Path
    notes: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ReplayedFile(EditedLoop):
    """A loop's groove, played by other sounds.

    Attributes:
        loop: The loop's file.
        bpm: Its tempo in BPM.
        bars: Its length in bars.
        file: The new WAV file.
        notes: Number of notes by instrument.
        left_out: Number of hits for which the kit has no sound, by instrument.
    """

    file: Path
    notes: dict[str, int]
    left_out: dict[str, int]


def _plain(value: Any) -> Any:
    """Return a field as JSON holds it: a path as text."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return str(value) if isinstance(value, Path) else value
