"""Fit the weights of `fourfloor.ingestion.certainty`, and test them on other rendered tracks.

    python scripts/fit_certainty.py --music data/tracks

Each row is a piece of a track: its evidence, and whether a third of its loops or more start off the beat. The fit uses
rendered tracks of seeds 0, 2 and 3, and excerpts of three games of real music (seed 0). The test uses rendered tracks
of seeds 1, 4 and 5.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from grid_cases import KINDS, SAMPLE_RATE
from grid_onsets import grid_cases
from measure_grid import OFF_SECONDS, REQUEST
from scipy.optimize import minimize
from tempo_cases import music_cases

from fourfloor.ingestion.layout import lay_out

FIT_SEEDS, TEST_SEEDS = (0, 2, 3), (1, 4, 5)
FIT_GAMES = ("noiz2sa", "gunroar", "a7xpg")
PENALTY, WRONG_SHARE = 1.0, 1 / 3


def rendered_rows(seeds: tuple[int, ...], count: int, cache: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the evidence of every piece, (pieces, 4), and whether it is right."""
    rows, right = [], []
    for seed in seeds:
        for kind in KINDS:
            for case in grid_cases(kind, count, seed, cache):
                layout = lay_out(case.onsets, case.samples, [], REQUEST)
                if layout.meter != "4/4":
                    continue
                starts, beats = layout.cuts.starts_samples / SAMPLE_RATE, np.append(case.beats, -np.inf)
                off = np.array([np.abs(beats - start).min() > OFF_SECONDS for start in starts])
                for row in np.unique(layout.evidence, axis=0):
                    rows.append(row)
                    right.append(off[(layout.evidence == row).all(axis=1)].mean() < WRONG_SHARE)
    return np.array(rows), np.array(right)


def music_rows(folder: Path) -> np.ndarray:
    """Return the evidence of three excerpts of each file of some games; their grids are right."""
    rows = []
    for case in music_cases(folder, 3, 0):
        if case.kind == "excerpt" and case.album in FIT_GAMES:
            layout = lay_out(case.onsets, round(case.onsets.seconds * SAMPLE_RATE), [], REQUEST)
            rows.append(layout.evidence[0])
    return np.array(rows)


def fit(rows: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return bias and weights of the most likely logistic, with an L2 penalty on standardized weights."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    inputs = np.column_stack([np.ones(len(rows)), (rows - mean) / spread])
    signs = np.where(right, 1.0, -1.0)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = signs * (inputs @ weights)
        slope = -inputs.T @ (signs / (1 + np.exp(margin)))
        penalty = np.append(0.0, weights[1:])
        return np.logaddexp(0, -margin).sum() + PENALTY * penalty @ penalty, slope + 2 * PENALTY * penalty

    weights = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B").x
    return np.append(weights[0] - weights[1:] @ (mean / spread), weights[1:] / spread)


def auc(right: np.ndarray, value: np.ndarray) -> float:
    """Return how often what is right has the higher value."""
    above = value[right][:, None] - value[~right][None]
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


def main() -> None:
    """Print how well the weights rank unseen pieces, then the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, help="folder with tempo.csv")
    parser.add_argument("--count", type=int, default=2, help="tracks a kind and seed")
    parser.add_argument("--cache", type=Path, help="folder for the onsets of rendered tracks, to fit again sooner")
    options = parser.parse_args()
    rows, right = rendered_rows(FIT_SEEDS, options.count, options.cache)
    if options.music:
        real = music_rows(options.music)
        rows, right = np.concatenate([rows, real]), np.append(right, np.ones(len(real), bool))
    weights = fit(rows, right)
    unseen, unseen_right = rendered_rows(TEST_SEEDS, options.count, options.cache)
    print(f"fitted to {len(rows)} pieces, {(~right).sum()} wrong: AUC {auc(right, rows @ weights[1:]):.3f}")
    print(f"unseen {len(unseen)}, {(~unseen_right).sum()} wrong: AUC {auc(unseen_right, unseen @ weights[1:]):.3f}")
    print("bias and weights: " + ", ".join(f"{weight:.2f}" for weight in weights))


if __name__ == "__main__":
    main()
