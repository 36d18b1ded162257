"""The songs of `grid_cases`, analyzed, with their truth, kept in a folder so that measuring again takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from grid_cases import KINDS, SAMPLE_RATE, Song, grid_song

from fourfloor.ingestion.onsets import Onsets, analyze_onsets


@dataclass(frozen=True, kw_only=True)
class Case:
    """The onsets of a song of so many samples, and its truth as in `Song`."""

    kind: str
    onsets: Onsets
    samples: int
    beats: np.ndarray
    bars: np.ndarray
    stretches: list[tuple[float, float]]


def grid_cases(kind: str, count: int, seed: int, cache: Path | None) -> Iterator[Case]:
    """Yield songs of one of `KINDS`, analyzed."""
    for number in range(count):
        yield grid_case(kind, number, seed, cache)


def grid_case(kind: str, number: int, seed: int, cache: Path | None) -> Case:
    """Return one song, analyzed; what lies in the folder `cache` is neither rendered nor analyzed."""
    path = cache / f"{seed}_{KINDS.index(kind):02d}_{number}.npz" if cache else None
    if path is None or not path.exists():
        rng = np.random.default_rng([seed, KINDS.index(kind), number])
        case = _case(grid_song(kind, f"{kind}, seed {seed}.{number}", rng))
        if path is not None:
            arrays: dict[str, Any] = case
            np.savez(path, **arrays)
    else:
        with np.load(path) as stored:
            case = dict(stored)
    onsets = Onsets(
        flux=case["flux"], frame_rate=float(case["frame_rate"]),
        pitches=case["pitches"], pitch_rate=float(case["pitch_rate"]),
    )  # fmt: skip
    return Case(
        kind=kind, onsets=onsets, samples=int(case["samples"]), beats=case["beats"], bars=case["bars"],
        stretches=[(float(a), float(b)) for a, b in case["stretches"]],
    )  # fmt: skip


def _case(song: Song) -> dict[str, np.ndarray]:
    onsets = analyze_onsets([song.waveform], SAMPLE_RATE)
    return {
        "flux": onsets.flux, "frame_rate": np.array(onsets.frame_rate),
        "pitches": onsets.pitches, "pitch_rate": np.array(onsets.pitch_rate),
        "samples": np.array(song.waveform.shape[1]), "beats": song.beats, "bars": song.bars,
        "stretches": np.reshape(song.stretches, (-1, 2)),
    }  # fmt: skip
