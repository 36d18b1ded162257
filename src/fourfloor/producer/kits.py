"""Kits: a folder of one-shots -> drum sounds by role, sorted by file name, else by sound.

Any format that `fourfloor.audio` reads will do; each one-shot becomes mono, its silence cut, its peak 1.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from fourfloor.audio import AudioError, decode, find_audio
from fourfloor.errors import FourfloorError

LONGEST_SECONDS = 3.0  # what rings longer is cut there
SHORTEST_SECONDS = 0.01
# Sounds that ring longer are loops or phrases; one without a role in its name is less likely to be a hit.
NAMED_SECONDS, UNNAMED_SECONDS = 2.9, 1.5
# In this order, the first pattern found in the name's words decides: "hat open" is an open hat, "kick loop" nothing.
NAMES = (
    ("kick", r"drum bass|bass drum"),
    (
        None,
        r"loop|break|amen|bass|bassline|pad|chord|vocal|vox|guit|guitar|piano|synth|ambi|fx|sfx|riser|glitch|vinyl|misc|"
        r"robot|phone|swoosh|swash",
    ),
    ("open", r"open|oh|ohh|hho"),
    ("hat", r"hat|hats|hihat|hh|hhc|ch|chh|closed"),
    ("kick", r"kick|kik|bd|bassdrum|bass drum|bd808|bd909"),
    ("clap", r"clap|claps|cp|handclap"),
    ("snare", r"snare|sn|sd|snr"),
    ("rim", r"rim|rimshot|sidestick|rs"),
    ("ride", r"ride|rd"),
    ("crash", r"crash|cymbal|splash|cr"),
    ("shaker", r"shaker|shake|maraca|maracas|cabasa|ma"),
    ("conga", r"conga|congas|bongo|bongos|tumba"),
    (
        "percussion",
        r"perc|percussion|tom|toms|cowbell|cb|clave|claves|block|woodblock|tamb|tambourine|triangle|bell|tabla|blip",
    ),
)


@dataclass(frozen=True)
class Kit:
    """Hold one-shots (n,) by role; `content` is a hash of all of them."""

    samples: Mapping[str, Sequence[np.ndarray]]
    content: str = ""

    def draw(self, role: str, rng: np.random.Generator) -> np.ndarray | None:
        """Draw a one-shot (n,) of a role; None when the kit has none."""
        choices = self.samples.get(role)
        return choices[int(rng.integers(len(choices)))] if choices else None


def role_by_name(stem: str) -> tuple[str | None, bool]:
    """Return the role in a file name, and whether the name says anything: (None, True) means no one-shot."""
    words = " " + re.sub(r"[^a-z]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem).lower()) + " "
    for role, pattern in NAMES:
        if re.search(rf" ({pattern}) ", words):
            return role, True
    return None, False


def role_by_sound(hit: np.ndarray, sample_rate: int) -> str:
    """Guess the role of a one-shot (n,) from its spectrum and length."""
    power = np.abs(np.fft.rfft(hit)) ** 2 + 1e-12
    hertz = np.fft.rfftfreq(len(hit), 1 / sample_rate)
    share = {
        name: power[(hertz >= a) & (hertz < b)].sum() / power.sum()
        for name, a, b in (("low", 20, 150), ("middle", 150, 2500), ("high", 5000, 20000))
    }
    energy = np.cumsum(hit.astype(np.float64) ** 2)
    seconds = float(np.searchsorted(energy, 0.95 * energy[-1])) / sample_rate
    if share["low"] > 0.5:
        return "kick"
    if share["high"] > 0.5:
        return "hat" if seconds < 0.09 else "open" if seconds < 0.5 else "ride"
    audible = power[(hertz > 300) & (hertz < 8000)]
    flatness = np.exp(np.mean(np.log(audible))) / np.mean(audible) if len(audible) else 0.0
    if flatness > 0.15:
        return "snare" if share["middle"] > 0.4 else "shaker"
    return "percussion"


def trimmed(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return (channels, n) as mono, from just before its onset, at most LONGEST_SECONDS, peak 1, end faded."""
    mono = waveform.mean(0)
    peak = float(np.abs(mono).max(initial=0.0))
    if peak < 1e-4:
        return np.zeros(0, np.float32)
    loud = np.flatnonzero(np.abs(mono) > 0.01 * peak)
    hit = mono[max(0, loud[0] - int(0.0005 * sample_rate)) : loud[-1] + 1][: int(LONGEST_SECONDS * sample_rate)] / peak
    fade = min(len(hit), int(0.003 * sample_rate))
    hit[len(hit) - fade :] *= np.linspace(1, 0, fade)
    return hit.astype(np.float32)


def load_kit(folder: Path, sample_rate: int = 44_100) -> Kit:
    """Read a folder of one-shots, again only where a file has changed.

    Raises FourfloorError in one line where the folder holds no one-shot that can be used.
    """
    if folder.exists() and not folder.is_dir():
        raise FourfloorError(f"{folder}: is a file; name a folder of one-shots, such as kick_01.wav and hat_open.wav")
    paths, rejected = find_audio([folder])
    reasons = tuple(reason for _, reason in rejected)
    return _read_kit(folder, tuple((path, *_version(path)) for path in sorted(paths)), reasons, sample_rate)


def _version(path: Path) -> tuple[int, int]:
    """Return what changes with the content of a file: its size and time; zeros where it is gone by now."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4)
def _read_kit(
    folder: Path, files: tuple[tuple[Path, int, int], ...], reasons: tuple[str, ...], sample_rate: int
) -> Kit:
    samples: dict[str, list[np.ndarray]] = {}
    digest = hashlib.sha256()
    for path, *_ in files:
        role, told = role_by_name(path.stem)
        if told and role is None:
            continue
        try:
            hit = trimmed(decode(path, sample_rate, 2, LONGEST_SECONDS + 1), sample_rate)
        except AudioError as error:
            reasons += (str(error),)
            continue
        if not _is_one_shot(len(hit) / sample_rate, role):
            continue
        samples.setdefault(role or role_by_sound(hit, sample_rate), []).append(hit)
        digest.update(os.fsencode(path.stem) + hit.tobytes())
    if not samples:
        why = f" ({reasons[0]})" if reasons else ""
        raise FourfloorError(
            f"{folder}: holds no drum one-shots of at most {LONGEST_SECONDS:g} s{why}; "
            "name files like kick_01.wav, hat_open.wav"
        )
    return Kit(samples, digest.hexdigest())


def _is_one_shot(seconds: float, role: str | None) -> bool:
    """Return whether a sound is as short as one hit; only cymbals ring up to the longest, what has no name least."""
    if role in ("crash", "ride", "open"):
        return seconds >= SHORTEST_SECONDS
    return SHORTEST_SECONDS <= seconds <= (NAMED_SECONDS if role else UNNAMED_SECONDS)
