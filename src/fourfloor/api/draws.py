"""One loop, drawn until it is good: a request goes in, the best of its draws comes out, with its numbers and faults.

A draw is what the model samples from one seed. The first draw of a loop has the seed that was asked for; the seeds of
the others follow from it alone, so that the same seed gives the same loop however many loops are made.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fourfloor import audio, generation
from fourfloor.arguments import check_range
from fourfloor.generation import Request
from fourfloor.loading import LoopModel

if TYPE_CHECKING:
    from fourfloor.copies.fingerprints import Fingerprints
    from fourfloor.evaluation.scores import LoopScores

MAX_CANDIDATES = 64
REDRAWS = 4  # at most, of a loop whose draws so far all have a fault


@dataclass(frozen=True, kw_only=True)
class Draw:
    """A leveled loop `(2, samples)` with the request that gives exactly it, its numbers, and what is wrong with it."""

    request: Request
    waveform: np.ndarray
    scores: "LoopScores"
    controls: dict[str, float]  # those asked for, as measured: ranks in 0-1
    faults: tuple[str, ...]
    rank: tuple[bool, bool, bool, float]  # the highest of a loop's draws is kept
    draws: int = 1  # how many were made to choose this one from


def check_draws(candidates: int, redraws: int) -> None:
    """Raise FourfloorError for a number of draws that is out of range."""
    check_range("candidates", candidates, 1, MAX_CANDIDATES)
    check_range("redraws", redraws, 0, MAX_CANDIDATES)


def best_draw(
    model: LoopModel, request: Request, candidates: int, redraws: int, reference: "Callable[[], Fingerprints]"
) -> Draw:
    """Make the candidates of a loop, redraw it while the best one has a fault, and return the best draw.

    The reference is asked for when the first draw is made: it may still be opened meanwhile.
    """
    best: Draw | None = None
    made = 0
    for drawn in generation.draw_requests(request, candidates + redraws):
        if best and made >= candidates and not best.faults:
            break
        draw, made = judge_draw(model, drawn, leveled(model, drawn), reference()), made + 1
        best = draw if best is None or draw.rank > best.rank else best
    assert best is not None
    return replace(best, draws=made)


def judge_draw(model: LoopModel, request: Request, waveform: np.ndarray, reference: "Fingerprints") -> Draw:
    """Measure a loop, name its faults, and rank it: new ones first, then what follows the controls, then the sound."""
    from fourfloor.evaluation.scores import score_new
    from fourfloor.faults import COPY, MISSES, faults_of

    scores = score_new(waveform, audio.SAMPLE_RATE, request.bpm, request.bars, reference.index)
    asked, measured = request.controls.asked, generation.measured_controls(model, request, waveform)
    miss = max((abs(value - measured[name]) for name, value in asked.items()), default=0.0)
    faults = faults_of(scores, reference.envelope, asked, measured)
    follows = not any(fault.startswith(MISSES) for fault in faults)
    rank = (COPY not in faults, follows, not faults, scores.quality(reference.envelope) - miss)
    return Draw(request=request, waveform=waveform, scores=scores, controls=measured, faults=faults, rank=rank)


def leveled(model: LoopModel, request: Request) -> np.ndarray:
    """Make a loop at the level loops are written at."""
    return audio.normalize_loop(generation.make_loop(model, request), audio.SAMPLE_RATE)
