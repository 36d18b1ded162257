"""Cut rendered tracks whose grid does not hold, and compare with the truth: the table of docs/ingest.md.

    python scripts/measure_grid.py --count 4 --seed 1

A loop is off where it starts more than 15 ms from the nearest beat, across where it does not lie in one stretch. Kept:
loops in a stretch and on a beat, of those of four bars that fit its stretches from their first bar on. Tracks are held
to have a wrong grid where more than one in twenty of their loops is off; AUC: how often a right grid has more
confidence. Of 3/4 and 6/8 no loop should be kept; they count as wrong where loops are off, too.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from grid_cases import KINDS, SAMPLE_RATE, Song, grid_songs

from fourfloor.ingestion.analysis import Task, TrackAnalysis, analyze_track
from fourfloor.ingestion.picking import Thresholds
from fourfloor.signal.beatgrid import BPM_RANGE

OFF_SECONDS, EDGE_SECONDS, BARS = 0.015, 0.03, 4


@dataclass(frozen=True, kw_only=True)
class Count:
    """What became of the loops of one track."""

    possible: int
    cut: int
    good: int
    off: int
    across: int
    confidence: float
    grid: str


def judge(song: Song, found: TrackAnalysis, min_confidence: float) -> Count:
    """Compare the loops of a track with its beats; below the least confidence none is kept."""
    starts = np.array(found.starts_seconds)
    ends = starts + 240.0 * BARS / np.array(found.loop_bpms)
    off = np.array([np.abs(song.beats - start).min() > OFF_SECONDS for start in starts], bool)
    inside = np.array(
        [
            any(a - EDGE_SECONDS <= start and end <= b + EDGE_SECONDS for a, b in song.stretches)
            for start, end in zip(starts, ends, strict=True)
        ],
        bool,
    )
    kept = found.confidence >= min_confidence
    return Count(
        possible=possible(song), cut=kept * len(starts), good=kept * int((~off & inside).sum()),
        off=int(off.sum()), across=kept * int((~inside).sum()), confidence=found.confidence, grid=found.grid,
    )  # fmt: skip


def possible(song: Song) -> int:
    """Count the loops that fit the stretches of a song."""
    total = 0
    for begin, end in song.stretches:
        bars = song.bars[(song.bars >= begin - 0.01) & (song.bars < end)]
        if len(bars) > 1:
            total += int((end - bars[0] + 0.02) / (BARS * np.median(np.diff(bars))))
    return total


def analyze(song: Song, folder: Path) -> TrackAnalysis:
    """Analyze a song as `ingest` does, without dropping loops that repeat."""
    path = folder / "song.wav"
    soundfile.write(path, song.waveform.T, SAMPLE_RATE, subtype="FLOAT")
    for part in folder.glob("part.*"):
        part.unlink()
    task = Task(
        path=path, part=folder / "part", bars=BARS, hop_bars=BARS, bpm=None, sample_rate=SAMPLE_RATE, channels=1,
        min_confidence=0.0, bpm_range=BPM_RANGE,
        thresholds=Thresholds(duplicate=2.0, silent_share=1.0, clipped_share=1.0),
    )  # fmt: skip
    return analyze_track(task)


def row(name: str, counts: list[Count]) -> str:
    """Return one line of the table."""
    kept, possible_, good, across = (
        sum(getattr(count, key) for count in counts) for key in ("cut", "possible", "good", "across")
    )
    off = sum(count.off for count in counts if count.cut)
    grids = ", ".join(f"{sum(c.grid == grid for c in counts)} {grid}" for grid in sorted({c.grid for c in counts}))
    confidence = np.median([count.confidence for count in counts])
    share = f"{100 * good / possible_:.0f} %" if possible_ else "-"
    return f"| {name} | {len(counts)} | {kept} | {off} | {across} | {share} | {confidence:.2f} | {grids} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=4, help="tracks a kind")
    parser.add_argument("--seed", type=int, default=1, help="0 is what the thresholds were set on")
    parser.add_argument("--min-confidence", type=float, default=0.3)
    options = parser.parse_args()
    everything: list[Count] = []
    print("| kind | tracks | loops kept | off the beat | across a break | kept of stretches | confidence | grid |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            counts = [
                judge(song, analyze(song, Path(folder)), options.min_confidence)
                for song in grid_songs(kind, options.count, options.seed)
            ]
            print(row(kind, counts), flush=True)
            everything += counts
    print(row("all", everything))
    judged = [count for count in everything if count.cut or count.off]
    wrong = np.array([count.off > 0.05 * max(count.cut, 1) for count in judged])
    confidence = np.array([count.confidence for count in judged])
    if wrong.any() and not wrong.all():
        above = confidence[~wrong][:, None] - confidence[wrong][None]
        auc = np.mean((above > 0) + 0.5 * (above == 0))
        print(f"\nwrong grids: {wrong.sum()} of {len(wrong)} tracks with loops, AUC of the confidence {auc:.2f}")


if __name__ == "__main__":
    main()
