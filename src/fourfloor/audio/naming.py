"""Tempi and words -> file names that every program takes; and the tempo that a name tells.

A name holds no dot but the extension's: shards of training data cut a sample's key at the first dot, so 126.5 BPM is
written 126p5bpm.
"""

import re
from pathlib import Path

from fourfloor.audio.files import AUDIO_EXTENSIONS, display_name
from fourfloor.errors import FourfloorError

_TEMPO = re.compile(r"(?<![A-Za-z0-9.])(\d{2,3}(?:[.p]\d{1,4})?)[ _-]?bpm(?![A-Za-z0-9])", re.IGNORECASE)


def decimal_word(number: float) -> str:
    """Return a number for a file name, with p for the decimal point.

    >>> decimal_word(126.5)
    '126p5'
    """
    return f"{number:.6g}".replace(".", "p")


def tempo_word(bpm: float) -> str:
    """Return a tempo for a file name.

    >>> tempo_word(126.5)
    '126p5bpm'
    """
    return f"{decimal_word(bpm)}bpm"


def tempo_in_name(name: str) -> float | None:
    """Return the tempo that a file name gives in BPM; None where it gives none or several.

    >>> tempo_in_name("bass_126p5bpm_Amin"), tempo_in_name("Loop 128 BPM"), tempo_in_name("tr909_01")
    (126.5, 128.0, None)
    """
    found = {float(word.lower().replace("p", ".")) for word in _TEMPO.findall(name)}
    return found.pop() if len(found) == 1 else None


def check_wav_name(path: Path) -> None:
    """Raise FourfloorError where a name promises another audio format than WAV."""
    if path.suffix.lower() in AUDIO_EXTENSIONS - {".wav", ".wave"}:
        raise FourfloorError(f"{display_name(path)}: fourfloor writes WAV; name it {display_name(path.stem)}.wav")


def plain_word(text: str) -> str:
    """Return a text with only ASCII letters, digits and hyphens; every other character becomes a hyphen.

    >>> plain_word("Deep House #1")
    'Deep-House--1'
    """
    return "".join(c if c.isascii() and (c.isalnum() or c == "-") else "-" for c in text)
