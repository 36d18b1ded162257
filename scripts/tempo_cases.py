"""Tracks of known tempo and downbeat, analyzed: whole files and excerpts of a folder, arranged and produced tracks."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from arranged_tracks import arranged_track

from fourfloor.audio import SAMPLE_RATE, decode
from fourfloor.ingestion.onsets import Onsets, analyze_onsets
from fourfloor.producer import render_loop

EXCERPT_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Case:
    """A track with its truth; `album` groups what must not be split between fitting and testing."""

    kind: str
    name: str
    album: str
    bpm: float
    downbeat: float
    onsets: Onsets


def music_cases(folder: Path, excerpts: int, seed: int, albums: tuple[str, ...] = ()) -> Iterator[Case]:
    """Yield each file of `tempo.csv`, whose first sample is a downbeat, whole and as random excerpts of 30 s.

    With `albums`, only files in folders of these names.
    """
    with (folder / "tempo.csv").open(encoding="utf-8") as rows:
        for number, row in enumerate(csv.DictReader(rows)):
            rng = np.random.default_rng([seed, number])
            name, bpm = row["file"], float(row["bpm"])
            album = name.split("/")[0]
            if albums and album not in albums:
                continue
            waveform = decode(folder / name)
            length = min(round(EXCERPT_SECONDS * SAMPLE_RATE), waveform.shape[1])
            yield _case("whole", name, album, bpm, 0.0, waveform)
            for _ in range(excerpts):
                start = int(rng.integers(0, waveform.shape[1] - length + 1))
                label = f"{name} @ {start / SAMPLE_RATE:.1f} s"
                yield _case("excerpt", label, album, bpm, -start / SAMPLE_RATE, waveform[:, start : start + length])


def arranged_cases(count: int, seed: int) -> Iterator[Case]:
    """Yield random arranged tracks of 40 s."""
    for number in range(seed, seed + count):
        track = arranged_track(number)
        name = f"{track.groove}, seed {number}"
        yield _case("arranged", name, f"arranged {number % 5}", track.bpm, track.downbeat, track.waveform)


def produced_cases(count: int, seed: int) -> Iterator[Case]:
    """Yield produced loops of four bars, repeated for 30 s from a random sample on.

    Those with a kick on every beat and at most one a bar elsewhere are of kind `floor`, the others `produced`.
    """
    for number in range(seed, seed + count):
        loop = render_loop(number)
        rng = np.random.default_rng(number)
        samples, length = loop.waveform.shape[1], round(EXCERPT_SECONDS * SAMPLE_RATE)
        start = int(rng.integers(samples))
        waveform = np.tile(loop.waveform, (1, length // samples + 2))[:, start : start + length]
        starts = [event.start for event in loop.events if event.instrument == "kick"]
        kicks = [abs(start - round(start)) < 0.05 for start in starts]
        floor = sum(kicks) == 4 * loop.bars and len(kicks) - sum(kicks) <= loop.bars
        kind, name = "floor" if floor else "produced", f"{loop.style}, seed {number}"
        yield _case(kind, name, loop.style, loop.bpm, -start / SAMPLE_RATE, waveform)


def _case(kind: str, name: str, album: str, bpm: float, downbeat: float, waveform: np.ndarray) -> Case:
    onsets = analyze_onsets([waveform], SAMPLE_RATE)
    return Case(kind=kind, name=name, album=album, bpm=bpm, downbeat=downbeat % (240.0 / bpm), onsets=onsets)
