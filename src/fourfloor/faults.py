"""What is wrong with a loop, in plain names: the one place that decides what is redrawn, reported and refused.

In: the numbers of a loop, and what was measured of the controls that were asked for. Out: the names of its faults,
worst first.

    not finite        a sample is NaN or infinite
    silent            nothing sounds
    copy              a passage of 2 s is nearly one of the training set
    misses <control>  the measured control is more than half of its range from the one asked for, as a kick that stays
    tempo             the tempo measured back is another one
    open seam         the loop does not close: a click, a gap, or beats that drift apart when it is tiled
    clipped           more samples lie at the peak than in the training set
"""

from collections.abc import Mapping

from fourfloor.copies.policy import is_nearly_a_copy
from fourfloor.envelope import Envelope
from fourfloor.evaluation.scores import LoopScores

MISS_LIMIT = 0.5
COPY, MISSES = "copy", "misses "


def faults_of(
    scores: LoopScores, envelope: Envelope, asked: Mapping[str, float], measured: Mapping[str, float]
) -> tuple[str, ...]:
    """Name the faults of a loop; empty for a good one.

    `envelope` is the usual range of the numbers in the training set; `asked` and `measured` are ranks in 0-1 by the
    names of the controls.
    """
    if not scores.finite:
        return ("not finite",)
    if scores.silent:
        return ("silent",)
    missed = [name for name, value in asked.items() if abs(value - measured[name]) > MISS_LIMIT]
    found = {
        COPY: is_nearly_a_copy(scores.copy_score),
        **{MISSES + name.replace("_", " "): True for name in missed},
        "tempo": not scores.tempo_hit,
        "open seam": not scores.seam.passes,
        "clipped": not envelope.holds("clipping", scores.clipping),
    }
    return tuple(name for name, is_there in found.items() if is_there)
