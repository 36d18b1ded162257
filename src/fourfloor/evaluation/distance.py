"""Sets of loops against sets: style distance (KAD), diversity and coverage, on style vectors.

KAD is 100 times the unbiased squared maximum mean discrepancy (Gretton et al. 2012; Chung et al. 2025). Unlike a
Frechet distance it does not measure the number of loops. Loops of one track are not independent, so pairs
from one track are left out, and the interval is a jackknife over tracks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.signal.analysis import Array

N_DIMENSIONS = 32
MIN_STYLE_LOOPS = 8  # training loops that span a style space
N_NEIGHBORS = 5
_ROWS_AT_ONCE = 512  # of a matrix of pairs


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class StyleSpace:
    """Standardization, projection to 32 dimensions and kernel width, all fitted on training loops and then fixed."""

    mean: Array
    spread: Array
    axes: Array
    width: float
    typical_distance: float

    @classmethod
    def of(cls, vectors: Array, tracks: Sequence[str]) -> StyleSpace:
        """Fit the space on `(loops, numbers)`. Raises FourfloorError for fewer than 8 loops."""
        if len(vectors) < MIN_STYLE_LOOPS:
            raise FourfloorError(f"{len(vectors)} training loops are too few to measure a style: give at least 8")
        mean, spread = vectors.mean(axis=0), vectors.std(axis=0)
        # Floor the spread: a number that is nearly constant in training would otherwise dominate the distance.
        spread = np.maximum(spread, 0.25 * np.median(spread))
        standard = (vectors - mean) / spread
        _, _, axes = np.linalg.svd(standard, full_matrices=False)
        axes = axes[: min(N_DIMENSIONS, len(vectors) - 1)]
        squares = squared_distances(standard @ axes.T, standard @ axes.T)
        apart = np.asarray(tracks)[:, None] != np.asarray(tracks)[None, :]
        if not apart.any():
            apart = ~np.eye(len(vectors), dtype=bool)
        return cls(
            mean=mean,
            spread=spread,
            axes=axes,
            width=float(np.median(squares[apart])),
            typical_distance=mean_distance(standard),
        )

    def place(self, vectors: Array) -> Array:
        """Project style vectors `(loops, numbers)` to `(loops, 32)`."""
        return self.standardize(vectors) @ self.axes.T

    def standardize(self, vectors: Array) -> Array:
        """Scale style vectors to the training set's mean and spread."""
        return (vectors - self.mean) / self.spread


def squared_distances(first: Array, second: Array) -> Array:
    """Compute squared Euclidean distances `(a, b)` between the rows of two sets."""
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None, :] - 2 * first @ second.T
    return np.maximum(squares, 0.0)


def kernel_distance(
    first: Array, second: Array, width: float, first_tracks: Sequence[str], second_tracks: Sequence[str]
) -> Interval:
    """Compute KAD between two placed sets; 0 for sets alike, about 100 and more for sets with nothing in common.

    Pairs from one track count nowhere, neither within nor between the sets, so rows made from held-out tracks can be
    compared with these tracks. Names of tracks that are not shared must differ. NaN where no pair remains.
    """
    both = np.concatenate([first, second])
    names, which = np.unique([*first_tracks, *second_tracks], return_inverse=True)
    is_second = np.arange(len(both)) >= len(first)
    sums, pairs = _sums_by_track(both, width, which, is_second, len(names))

    def discrepancy(total: Array, pairs: Array) -> float:
        if (pairs == 0).any():
            return float("nan")
        means = total / pairs
        return float(100 * (means[0, 0] + means[1, 1] - means[0, 1] - means[1, 0]))

    whole = sums.sum(axis=0), pairs.sum(axis=0)
    value = discrepancy(*whole)
    # Without one track its row and its column go. They cross at pairs within the track, which never counted.
    without = [part.sum(axis=0) - part - part.transpose(0, 2, 1) for part in (sums, pairs)]
    left_out = np.array([discrepancy(total, count) for total, count in zip(*without, strict=True)])
    left_out = left_out[np.isfinite(left_out)]
    n = len(left_out)
    deviation = float(np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())) if n > 1 else float("nan")
    return Interval(value=value, low=value - 1.96 * deviation, high=value + 1.96 * deviation)


def _sums_by_track(placed: Array, width: float, which: Any, is_second: Any, n_tracks: int) -> tuple[Array, Array]:
    """Sum the kernel and the pairs of every track with all others: `(tracks, 2, 2)`, its own set and the others' set.

    In blocks of rows: the whole matrix of ten thousand loops would take gigabytes.
    """
    sums, pairs = (np.zeros((n_tracks, 2, 2)) for _ in range(2))
    sides = np.stack([~is_second, is_second], axis=1).astype(float)
    for rows in _blocks(len(placed)):
        apart = which[rows, None] != which[None, :]
        kernel = np.exp(-squared_distances(placed[rows], placed) / width) * apart
        at = which[rows], is_second[rows].astype(int)
        np.add.at(sums, at, kernel @ sides)
        np.add.at(pairs, at, apart @ sides)
    return sums, pairs


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, start + _ROWS_AT_ONCE) for start in range(0, n, _ROWS_AT_ONCE))


def mean_distance(placed: Array) -> float:
    """Compute the mean distance between two loops of a set; 0 for one loop."""
    n = len(placed)
    return float(pair_distances(placed).sum()) / (n * (n - 1)) if n > 1 else 0.0


def pair_distances(placed: Array) -> Array:
    """Sum for each loop its distances to all others, `(loops,)`."""
    sums = [np.sqrt(squared_distances(placed[rows], placed)).sum(axis=1) for rows in _blocks(len(placed))]
    return np.concatenate(sums) if sums else np.zeros(0)


def diversity_ratio(vectors: Array, space: StyleSpace) -> float:
    """Divide the mean distance between loops by the training set's: 1 as varied, 0 one loop over and over.

    Over all numbers, not the 32 dimensions: these were chosen for what varies in training, so held-out tracks vary
    less along them (0.73 against 1.0).
    """
    return mean_distance(space.standardize(vectors)) / max(space.typical_distance, 1e-9)


def coverage(placed: Array, reference: Array, seed: int = 0) -> float:
    """Count the reference loops that have a loop nearer than their fifth neighbor (Naeem et al. 2020), at equal N."""
    n = min(len(placed), len(reference))
    if n <= N_NEIGHBORS:
        return float("nan")
    rng = np.random.default_rng(seed)
    chosen, real = (values[np.sort(rng.permutation(len(values))[:n])] for values in (placed, reference))
    radius = np.sort(squared_distances(real, real), axis=1)[:, N_NEIGHBORS]
    return float((squared_distances(real, chosen).min(axis=1) <= radius).mean())
