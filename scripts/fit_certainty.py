"""Fit the weights of `fourfloor.ingestion.certainty`, and test them on other rendered tracks.

    python scripts/fit_certainty.py --music data/tracks --cache /tmp/grids

Each row is a piece of a track: its evidence, and whether a third of its loops or more start off the beat. The fit uses
rendered tracks in 4/4 and excerpts of three games of real music (seed 0). The test uses rendered tracks of two other
seeds. The cache keeps what was rendered, and what was measured until the code of ingest changes.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from grid_cases import KINDS, SAMPLE_RATE
from grid_onsets import grid_case
from measure_grid import OFF_SECONDS, REQUEST
from scipy.optimize import minimize
from tempo_cases import music_cases

import fourfloor.ingestion
from fourfloor.ingestion.layout import lay_out

FIT_SEEDS, TEST_SEEDS = (0, 1, 2, 3, 4, 5, 6, 11, 12, 13), (21, 22)
FIT_KINDS = [kind for kind in KINDS if kind not in ("3/4", "6/8", "odd bars")]
FIT_GAMES = ("noiz2sa", "gunroar", "a7xpg")
PENALTY, WRONG_SHARE = 1.0, 1 / 3


def measured(job: tuple[str, int, int], cache: Path, version: str) -> np.ndarray:
    """Return (pieces, 5) of a rendered track (kind, seed, number): the evidence of each piece, and 1 if it is right."""
    kind, seed, number = job
    path = cache / f"evidence_{version}_{seed}_{KINDS.index(kind):02d}_{number}.npy"
    if path.exists():
        return np.asarray(np.load(path))
    case = grid_case(kind, number, seed, cache)
    layout = lay_out(case.onsets, case.samples, [], REQUEST)
    starts, beats = layout.cuts.starts_samples / SAMPLE_RATE, np.append(case.beats, -np.inf)
    off = np.array([np.abs(beats - start).min() > OFF_SECONDS for start in starts])
    rows = [
        np.append(row, off[(layout.evidence == row).all(axis=1)].mean() < WRONG_SHARE)
        for row in np.unique(layout.evidence, axis=0)
        if layout.meter == "4/4"
    ]
    found = np.array(rows).reshape(-1, 5)
    np.save(path, found)
    return found


def rendered_rows(seeds: tuple[int, ...], count: int, cache: Path, jobs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the evidence of every piece, (pieces, 4), and whether it is right."""
    wanted = [(kind, seed, number) for seed in seeds for kind in FIT_KINDS for number in range(count)]
    sources = sorted(Path(fourfloor.ingestion.__file__).parent.glob("*.py"))
    version = hashlib.sha256(b"".join(source.read_bytes() for source in sources if source.stem != "certainty"))
    work = partial(measured, cache=cache, version=version.hexdigest()[:12])
    with ProcessPoolExecutor(jobs) as pool:
        rows = np.concatenate(list(_with_progress(pool.map(work, wanted), len(wanted), f"seeds {seeds}")))
    return rows[:, :4], rows[:, 4] > 0


def _with_progress(rows: Iterator[np.ndarray], total: int, name: str) -> Iterator[np.ndarray]:
    """Pass rows through; say every twenty how many are done and how many minutes are left."""
    start = time.monotonic()
    for done, row in enumerate(rows, 1):
        if done % 20 == 0 or done == total:
            left = (time.monotonic() - start) / done * (total - done) / 60
            print(f"{name}: {done} of {total} tracks, {left:.1f} min left", flush=True)
        yield row


def music_rows(folder: Path) -> np.ndarray:
    """Return the evidence of three excerpts of each file of some games; their grids are right."""
    rows = []
    for case in music_cases(folder, 3, 0, FIT_GAMES):
        if case.kind == "excerpt":
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
    """Print the weights, and how well they rank unseen pieces."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, help="folder with tempo.csv")
    parser.add_argument("--count", type=int, default=2, help="tracks a kind and seed")
    parser.add_argument("--cache", type=Path, required=True, help="folder for what is rendered and measured")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    rows, right = rendered_rows(FIT_SEEDS, options.count, options.cache, options.jobs)
    if options.music:
        real = music_rows(options.music)
        rows, right = np.concatenate([rows, real]), np.append(right, np.ones(len(real), bool))
    weights = fit(rows, right)
    print("bias and weights: " + ", ".join(f"{weight:.2f}" for weight in weights))
    print(f"fitted to {len(rows)} pieces, {(~right).sum()} wrong: AUC {auc(right, rows @ weights[1:]):.3f}", flush=True)
    unseen, unseen_right = rendered_rows(TEST_SEEDS, options.count, options.cache, options.jobs)
    print(f"unseen {len(unseen)}, {(~unseen_right).sum()} wrong: AUC {auc(unseen_right, unseen @ weights[1:]):.3f}")


if __name__ == "__main__":
    main()
