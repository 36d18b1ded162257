"""Cut rendered tracks without one constant grid, and compare with the truth: the table of docs/ingest.md.

    python scripts/measure_grid.py --count 4 --seed 1

A loop is "off" if it starts more than 15 ms from the nearest beat, and "across" if it does not lie in one stretch.
"Kept" is the number of loops in a stretch and on a beat, relative to the four-bar loops that fit its stretches. A grid
is wrong if more than one in twenty of its loops is off, and wherever it gives loops of a track without four beats in a
bar. AUC says how often a right grid has more confidence than a wrong one.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from grid_cases import EDGE_SECONDS, KINDS, SAMPLE_RATE
from grid_onsets import Case, grid_cases

from fourfloor.ingestion.layout import Layout, Request, lay_out
from fourfloor.ingestion.slicing import no_cuts
from fourfloor.signal.beatgrid import BPM_RANGE

OFF_SECONDS, BARS = 0.015, 4
NO_LOOPS = ("3/4", "6/8", "odd bars", "no beat")
TARGET_KINDS = KINDS[: KINDS.index("6/8") + 1]
REQUEST = Request(bars=BARS, hop_bars=BARS, bpm=None, sample_rate=SAMPLE_RATE, bpm_range=BPM_RANGE, min_confidence=0.0)


@dataclass(frozen=True, kw_only=True)
class Count:
    """What became of the loops of one track: those found, and those of them that are kept (`cut`)."""

    possible: int
    found: int
    found_off: int
    cut: int
    good: int
    off: int
    across: int
    confidence: float
    grid: str
    kind: str

    @property
    def wrong(self) -> bool:
        """Whether the grid is wrong."""
        return self.kind in NO_LOOPS or self.found_off > 0.05 * self.found


def judge(case: Case, layout: Layout, min_confidence: float) -> Count:
    """Compare the loops of a track with its beats; below the least confidence none is kept."""
    cuts = layout.cuts if layout.meter == "4/4" else no_cuts()
    starts = cuts.starts_samples / SAMPLE_RATE
    ends = starts + 240.0 * BARS / cuts.bpms
    beats = np.append(case.beats, -np.inf)
    off = np.array([np.abs(beats - start).min() > OFF_SECONDS for start in starts], bool)
    inside = np.array(
        [
            any(a - EDGE_SECONDS <= start and end <= b + EDGE_SECONDS for a, b in case.stretches)
            for start, end in zip(starts, ends, strict=True)
        ],
        bool,
    )
    kept = layout.confidences[: len(starts)] >= min_confidence
    return Count(
        possible=possible(case), found=len(starts), found_off=int(off.sum()), cut=int(kept.sum()),
        good=int((kept & ~off & inside).sum()), off=int((kept & off).sum()), across=int((kept & ~inside).sum()),
        confidence=layout.confidence, grid=layout.grid, kind=case.kind,
    )  # fmt: skip


def possible(song: Case) -> int:
    """Count the loops that fit the stretches of a song."""
    total = 0
    for begin, end in song.stretches:
        bars = song.bars[(song.bars >= begin - 0.01) & (song.bars < end)]
        if len(bars) > 1:
            total += int((end - bars[0] + 0.02) / (BARS * np.median(np.diff(bars))))
    return total


def row(name: str, counts: list[Count]) -> str:
    """Return one line of the table."""
    kept, possible_, good, off, across = (
        sum(getattr(count, key) for count in counts) for key in ("cut", "possible", "good", "off", "across")
    )
    grids = ", ".join(f"{sum(c.grid == grid for c in counts)} {grid}" for grid in sorted({c.grid for c in counts}))
    confidence = np.median([count.confidence for count in counts])
    share = f"{100 * good / possible_:.0f} %" if possible_ else "-"
    return f"| {name} | {len(counts)} | {kept} | {off} | {across} | {share} | {confidence:.2f} | {grids} |"


def summary(counts: list[Count]) -> str:
    """Return the shares of loops that are off, across a break, and kept of those in 4/4, and what confidence tells."""
    cut, off, across = (sum(getattr(count, key) for count in counts) for key in ("cut", "off", "across"))
    in_four = [count for count in counts if count.kind not in NO_LOOPS]
    kept = sum(count.good for count in in_four) / max(1, sum(count.possible for count in in_four))
    judged = [count for count in counts if count.found]
    wrong = np.array([count.wrong for count in judged])
    confidence = np.array([count.confidence for count in judged])
    above = confidence[~wrong][:, None] - confidence[wrong][None]
    auc = f"{np.mean((above > 0) + 0.5 * (above == 0)):.2f}" if above.size else "-"
    return (
        f"{off} of {cut} loops off ({100 * off / max(1, cut):.1f} %), {across} across, {100 * kept:.0f} % kept; "
        f"{wrong.sum()} of {len(wrong)} grids wrong, AUC {auc}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=4, help="tracks a kind")
    parser.add_argument("--seed", type=int, default=1, help="0 is what the thresholds were set on")
    parser.add_argument("--min-confidence", type=float, default=0.3)
    parser.add_argument("--cache", type=Path, help="folder for the onsets of rendered tracks, to measure again sooner")
    options = parser.parse_args()
    everything: list[Count] = []
    print("| kind | tracks | loops kept | off the beat | across a break | kept of stretches | confidence | grid |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        counts = [
            judge(case, lay_out(case.onsets, case.samples, [], REQUEST), options.min_confidence)
            for case in grid_cases(kind, options.count, options.seed, options.cache)
        ]
        print(row(kind, counts), flush=True)
        everything += counts
    print(row("all", everything) + "\n")
    print("kinds of the targets: " + summary([count for count in everything if count.kind in TARGET_KINDS]))
    print("all: " + summary(everything))


if __name__ == "__main__":
    main()
