"""The grid of a stretch of music and its bars -> how probable it is that its loops begin on the beat.

The tempo's lead on its rivals knows nothing of where the beats begin, and a pattern that repeats knows nothing of
which tempo it has: a logistic fit weighs what each says.
"""

from __future__ import annotations

import numpy as np

from fourfloor.ingestion.tempo import Grid
from fourfloor.ingestion.tracking import lateness, paired

# A doubt is bounded by this from below, and so is the mean lateness in beats.
_LEAST_DOUBT, _LEAST_LATE = 0.02, 1e-3
_LOW_BANDS, _NEAR_BINS = 3, 4
# All tempi of confidence 0.5 or more are right, six of eight below: what has no tempo has no beat either.
_SURE_TEMPO = 0.4
_TRIPLET_SURE, _TRIPLET_POWER = 0.5, 6
# Fitted by scripts/fit_certainty.py.
BIAS = -8.33
WEIGHTS = np.array([-0.80, -0.29, -1.11, 2.27])


def certainty(grid: Grid, profiles: np.ndarray, triplets: bool) -> float:
    """Return the probability that a grid is right, from its bars (bars, bands, bins) that begin on its downbeats.

    With triplets, 2:3 or 4:3 of the tempo fits about as well, and so may 6/8: there it is halved, and the tempo has to
    lead far.
    """
    probability = 1 / (1 + np.exp(-BIAS - WEIGHTS @ evidence(grid, profiles)))
    tempo = _TRIPLET_SURE * grid.confidence**_TRIPLET_POWER if triplets else min(1.0, grid.confidence / _SURE_TEMPO)
    return float(probability * tempo)


def evidence(grid: Grid, profiles: np.ndarray) -> np.ndarray:
    """Return (4,): what speaks for or against the place of the beats.

    Doubts of beat and downbeat, how early or late bars come against the average bar, and how strong the lowest bands
    are on the beat, against where they are strongest.
    """
    mean = profiles.mean(axis=0)
    late, _, _ = lateness(paired(profiles), mean)
    doubts = [np.log(1 + _LEAST_DOUBT - sure) for sure in (grid.beat_confidence, grid.downbeat_confidence)]
    low = mean[:_LOW_BANDS].sum(axis=0).reshape(4, -1).mean(axis=0)
    on_beat = np.take(low, np.arange(-_NEAR_BINS, _NEAR_BINS + 1), mode="wrap").max()
    floor = np.median(low)
    share = (on_beat - floor) / (low.max() - floor + 1e-9)
    return np.array([*doubts, np.log(_LEAST_LATE + np.abs(late).mean()), share])
