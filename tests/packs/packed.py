"""Loops of two kinds with their stems and notes, as a pack takes them."""

from pathlib import Path

from conftest import house_loop

from fourfloor import audio
from fourfloor.producer.score import Event

KICKS = [Event(instrument="kick", start=beat, duration=0.25, pitch=36, velocity=1.0) for beat in range(4)]
BASS = [Event(instrument="bass", start=0.5, duration=0.5, pitch=33, velocity=0.5)]


def write(path: Path, bpm: float = 126.0, bars: int = 1, key: str | None = "F#min", comment: str = "") -> Path:
    loop = house_loop(bpm, bars)
    audio.write_loop(path, loop, audio.LoopTags(bpm=bpm, bars=bars, title=path.stem, key=key, comment=comment))
    return path
