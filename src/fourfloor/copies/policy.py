"""From which score on a loop is a copy, and who acts on it.

    generate    draws a loop again that is nearly a copy, and ranks it below all others (`faults`, `api/draws`)
    evaluate    counts the copies of a set: one is too many (`evaluation/numbers`, the gates of `evaluation/verdict`)
    train       keeps no step with a copy among its samples (`runs/early_stopping`)

A score is the correlation of the nearest 2 s with a training passage (`index`).
"""

import numpy as np

# Held-out: real tracks at most .46, produced loops .55; lossy, stretched and transposed copies at least .74.
COPY_LIMIT = 0.65
# The kept fingerprints are rounded to 2 dB, which lowers the score of a copy by at most 0.008 (24 loops).
NEARLY_A_COPY = COPY_LIMIT - 0.008


def is_copy(score: float | None) -> bool:
    """Return whether a score is a copy's, measured against the training music itself; None is of no search."""
    return score is not None and score >= COPY_LIMIT


def is_nearly_a_copy(score: float | None) -> bool:
    """Return whether a score is a copy's, measured against fingerprints kept beside a model."""
    return score is not None and score >= NEARLY_A_COPY


def share_of_copies(scores: np.ndarray) -> float:
    """Return how many of these scores are copies', 0-1; NaN for none."""
    return float(np.mean(scores >= COPY_LIMIT)) if len(scores) else float("nan")
