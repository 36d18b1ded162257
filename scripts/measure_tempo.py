"""Measure the grid tracker on tracks of known tempo: a table of every whole file, then a summary.

    python scripts/measure_tempo.py data/tracks --excerpts 5 --arranged 100 --produced 200 --seed 1

A tempo is right within 0.05 BPM. A beat is right within 15 ms if its tempo is right, and a downbeat if its beat is
right. AUC says how often a right result has more confidence than a wrong one. Real time is that of one process, without
decoding.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from tempo_cases import Case, arranged_cases, music_cases, produced_cases

from fourfloor.audio import AudioStream
from fourfloor.ingestion.tempo import Grid, analyze_onsets, fit_grid

ALLOWED_BPM, ALLOWED_SECONDS = 0.05, 0.015


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One case, its grid and the errors; `downbeat_beats` is how many beats the downbeat is late."""

    case: Case
    grid: Grid
    bpm_error: float
    beat_ms: float
    downbeat_beats: float

    @property
    def right(self) -> tuple[bool, bool, bool]:
        """Whether tempo, beat and downbeat are right, each only if the one before is."""
        tempo = abs(self.bpm_error) <= ALLOWED_BPM
        beat = tempo and abs(self.beat_ms) <= 1000 * ALLOWED_SECONDS
        return tempo, beat, beat and abs(self.downbeat_beats) < 0.5

    @property
    def confidences(self) -> tuple[float, float, float]:
        """Confidence in tempo, beat and downbeat."""
        return self.grid.confidence, self.grid.beat_confidence, self.grid.downbeat_confidence


def judge(case: Case) -> Verdict:
    """Fit a grid and compare it with the truth."""
    grid = fit_grid(case.onsets)
    beat = 60.0 / case.bpm
    late = grid.first_downbeat - case.downbeat
    return Verdict(
        case=case,
        grid=grid,
        bpm_error=grid.bpm - case.bpm,
        beat_ms=1000 * ((late + beat / 2) % beat - beat / 2),
        downbeat_beats=((late / beat) + 2) % 4 - 2,
    )


def auc(right: np.ndarray, confidence: np.ndarray) -> str:
    """Return the area under the ROC curve of a confidence, or a dash where all are right or all wrong."""
    if right.all() or not right.any():
        return "   -"
    above = confidence[right][:, None] - confidence[~right][None, :]
    return f"{np.mean((above > 0) + 0.5 * (above == 0)):.2f}"


def line(verdict: Verdict) -> str:
    """Return one row of the table; a dot where right, a cross where wrong."""
    judged = zip(verdict.confidences, verdict.right, strict=True)
    marks = [f"{value:.2f}{'.' if right else 'x'}" for value, right in judged]
    return (
        f"{verdict.case.name:44} {verdict.case.bpm:7.2f} {verdict.grid.bpm:9.3f} {verdict.beat_ms:7.1f} ms "
        f"{verdict.downbeat_beats:6.2f}   {'  '.join(marks)}"
    )


def summary(kind: str, verdicts: list[Verdict]) -> str:
    """Return the share of right answers, the precision of the right ones and the AUC of each confidence."""
    right = np.array([verdict.right for verdict in verdicts])
    confidence = np.array([verdict.confidences for verdict in verdicts])
    bpm = np.array([verdict.bpm_error for verdict in verdicts])[right[:, 0]]
    beat = np.array([verdict.beat_ms for verdict in verdicts])[right[:, 1]]
    counts = "  ".join(f"{count:4d} ({count / len(right):6.1%})" for count in right.sum(axis=0))
    curves = " ".join(auc(right[:, k], confidence[:, k]) for k in range(3))
    return (
        f"{kind:16} {len(right):4d}  {counts}   {np.sqrt(np.mean(bpm**2)):.4f}   "
        f"{np.median(beat):5.1f} +- {beat.std():.1f} ms   {curves}"
    )


def by_style(produced: list[Verdict]) -> dict[str, list[Verdict]]:
    """Return the verdicts on produced loops, all together and of each style."""
    groups = {"all produced": produced} if produced else {}
    for style in sorted({verdict.case.album for verdict in produced}):
        groups[style] = [verdict for verdict in produced if verdict.case.album == style]
    return groups


def real_time_factor(file: Path) -> float:
    """Return seconds of audio per second of CPU spent on analysis and fit."""
    blocks = list(AudioStream(file))
    start = time.process_time()
    fit_grid(onsets := analyze_onsets(blocks, 44_100))
    return onsets.seconds / (time.process_time() - start)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, help="folder with tempo.csv")
    parser.add_argument("--excerpts", type=int, default=5, help="random excerpts of 30 s a file")
    parser.add_argument("--arranged", type=int, default=0, help="how many arranged tracks")
    parser.add_argument("--produced", type=int, default=0, help="how many produced loops")
    parser.add_argument("--seed", type=int, default=1, help="0 is what fit_phase.py fits to")
    parser.add_argument("--all", action="store_true", help="print every case, not only the whole files")
    options = parser.parse_args()
    verdicts: dict[str, list[Verdict]] = {}
    print(f"seed {options.seed}\n{'':44} true bpm     found     beat error  downbeat  confidence: bpm, beat, downbeat")
    cases = chain(
        music_cases(options.music, options.excerpts, options.seed),
        arranged_cases(options.arranged, 10_000 * (options.seed + 1)),
        produced_cases(options.produced, 10_000 * (options.seed + 1)),
    )
    for case in cases:
        verdicts.setdefault(case.kind, []).append(verdict := judge(case))
        if case.kind == "whole" or options.all:
            print(line(verdict), flush=True)
    print(f"\n{'kind':16} count  tempo          beat           downbeat        rms bpm  beat bias +- sd  AUC of each")
    for kind, group in (verdicts | by_style(verdicts.get("floor", []) + verdicts.get("produced", []))).items():
        print(summary(kind, group))
    print(f"\nanalysis and fit: {real_time_factor(options.music / verdicts['whole'][0].case.name):.0f} times real time")


if __name__ == "__main__":
    main()
