"""95 % intervals: without them, chance would decide each verdict whose number lies near a limit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fourfloor.evaluation.distance import Interval, StyleSpace, pair_distances
from fourfloor.signal.analysis import Array

Z = 1.96
MOST = 100_000  # loops or tracks: the largest number that a message asks for


def share_interval(flags: Sequence[bool]) -> Interval:
    """Return the share of true values with its Wilson interval, which has a width even at 0 of n; NaN for none."""
    n = len(flags)
    if n == 0:
        return Interval(value=float("nan"), low=float("nan"), high=float("nan"))
    share = float(np.mean(flags))
    center = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return Interval(value=share, low=min(share, float(center - half)), high=max(share, float(center + half)))


def median_interval(values: Sequence[float]) -> Interval:
    """Return the median of what is a number, between the order statistics that hold it in 95 % of samples."""
    finite = np.sort([value for value in values if np.isfinite(value)])
    n = len(finite)
    if n == 0:
        return Interval(value=float("nan"), low=float("nan"), high=float("nan"))
    reach = Z * np.sqrt(n) / 2
    first, last = int(np.floor(n / 2 - reach)), int(np.ceil(n / 2 + reach))
    return Interval(
        value=float(np.median(finite)), low=float(finite[max(first, 0)]), high=float(finite[min(last, n - 1)])
    )


def diversity_interval(vectors: Array, space: StyleSpace) -> Interval:
    """Return the diversity ratio (`distance.diversity_ratio`), jackknifed over loops; NaN for one loop."""
    n = len(vectors)
    if n < 2:
        return Interval(value=float("nan"), low=float("nan"), high=float("nan"))
    sums = pair_distances(space.standardize(vectors))
    scale = max(space.typical_distance, 1e-9)
    value = float(sums.sum() / (n * (n - 1)) / scale)
    without = (sums.sum() - 2 * sums) / max((n - 1) * (n - 2), 1) / scale
    half = float(Z * np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    return Interval(value=value, low=value - half, high=value + half)


def settled_by(n: int, value: Interval, low: float, high: float) -> int:
    """Estimate how many loops or tracks, instead of n, would bring an interval to one side of the limits it straddles.

    Its width falls with the root of their number; at most `MOST`.
    """
    factors = [1.0]
    for border in (low, high):
        if value.low <= border <= value.high:
            half = value.high - value.value if border >= value.value else value.value - value.low
            factors.append((half / max(abs(border - value.value), 1e-9)) ** 2)
    return int(min(MOST, np.ceil(n * max(factors))))
