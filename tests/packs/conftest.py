"""The loops that are packed."""

import json
from pathlib import Path

import numpy as np
import pytest

from fourfloor import audio
from fourfloor.producer import midi

from .packed import BASS, KICKS, write


@pytest.fixture
def loops(tmp_path: Path) -> Path:
    """Return a folder of two loops, the first with stems and MIDI."""
    folder = tmp_path / "in"
    folder.mkdir()
    first = write(folder / "a <b> & c.wav", comment=json.dumps({"seed": 7, "style": "house", "model": "w"}))
    write(folder / "b.wav", 124.5, key=None)
    stems = folder / f"{first.stem}_stems"
    stems.mkdir()
    waveform = audio.decode(first)
    for name, share in ((f"{first.stem}_kick", 0.75), ("bass", 0.25)):
        audio.write_loop(stems / f"{name}.wav", waveform * np.float32(share), None)
    midi.write_midi(first.with_suffix(".mid"), KICKS + BASS, 126, 1)
    return folder
