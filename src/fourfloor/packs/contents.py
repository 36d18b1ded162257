"""What a pack holds while it is written: the loops under their new names, and what the writers of formats share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fourfloor import audio
from fourfloor.audio import display_name
from fourfloor.packs.notes import NoteTrack

LOOPS, STEMS, MIDI = "loops", "stems", "midi"
LOWEST_KEY = 36  # C2, where pads and small keyboards begin
BANK = 64  # loops or slices of one instrument: keys 36-99
_STEPS_A_BAR = (16, 8, 4, 2, 1)


@dataclass(frozen=True, kw_only=True)
class PackedLoop:
    """Hold one loop of a pack; `stems` maps a stem's name to its file, relative to the pack as `wav` is."""

    name: str
    title: str
    bpm: float
    bars: int
    key: str | None
    frames: int
    sample_rate: int
    channels: int
    comment: str = ""
    stems: Mapping[str, str] = field(default_factory=dict)
    midi: Path | None = None  # the source's
    tracks: tuple[NoteTrack, ...] = ()
    midi_differs: tuple[str, ...] = ()  # how the file's tempo and meter differ from the loop's

    @property
    def wav(self) -> str:
        """Return the path of the loop's WAV in the pack."""
        return f"{LOOPS}/{self.name}.wav"

    @property
    def facts(self) -> dict[str, str]:
        """Return what a comment of fourfloor's says of the loop's making; nothing for another program's comment."""
        try:
            content = json.loads(self.comment)
        except (ValueError, RecursionError):
            return {}
        if not isinstance(content, dict):
            return {}
        found = {name: content.get(name) for name in ("model", "style", "seed")}
        return {name: display_name(str(value)) for name, value in found.items() if isinstance(value, str | int)}

    @property
    def beats(self) -> int:
        """Return the length in beats."""
        return 4 * self.bars

    @property
    def seconds(self) -> float:
        """Return the length in seconds."""
        return self.frames / self.sample_rate

    def slices(self) -> list[int]:
        """Return the frames where slices begin, and the end: sixteenths, or longer steps where those are over 64."""
        steps = next((steps for steps in _STEPS_A_BAR if steps * self.bars <= BANK), 1) * self.bars
        return [round(step * self.frames / steps) for step in range(steps + 1)]


@dataclass(frozen=True, kw_only=True)
class Pack:
    """Hold a pack in the making: `folder` is where it is written, `home` where it will be read, None for a zip."""

    name: str
    folder: Path
    home: Path | None
    license: str
    loops: Sequence[PackedLoop]

    def waveform(self, file: str) -> np.ndarray:
        """Read a WAV of the pack, float32 `(channels, frames)`."""
        info = audio.probe(self.folder / file)
        return audio.decode(self.folder / file, info.sample_rate, info.channels, exact=True)

    def pcm16(self, file: str) -> list[bytes]:
        """Read a WAV of the pack as 16-bit little-endian samples, one run of bytes for each channel."""
        scaled = np.clip(np.rint(self.waveform(file) * 32768), -32768, 32767)
        return [channel.tobytes() for channel in scaled.astype("<i2")]

    def banks(self) -> Iterator[tuple[str, Sequence[PackedLoop]]]:
        """Yield the loops 64 at a time, as many as an instrument has keys, with a name for each bank."""
        for first in range(0, len(self.loops), BANK):
            number = f"_{first // BANK + 1}" if len(self.loops) > BANK else ""
            yield self.name + number, self.loops[first : first + BANK]

    def write_text(self, file: str, text: str) -> None:
        """Write a text as UTF-8, in a folder that is made where needed."""
        self.place(file).write_bytes(text.encode())

    def place(self, file: str) -> Path:
        """Return where a file of the pack is to be written; its folder is made."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
