"""Is an exported model as good as the run it was made from? Finished loops of both, at equal seeds, decide.

How far a network's answer is off in one step says little: sampling takes sixteen of them, and guidance exaggerates.
"""

from dataclasses import dataclass
from itertools import cycle, pairwise

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.evaluation.features import analyze, style_vector
from fourfloor.evaluation.scores import score_analysis
from fourfloor.generation import Request, make_loop
from fourfloor.loading import LoopModel
from fourfloor.progress import OnProgress, ignore, silent
from fourfloor.signal.beatgrid import BAR_COUNTS, SAMPLE_RATE

LOOPS = 32
MIN_ENVELOPE = 0.95  # median correlation of onset envelopes: 0.99 for the bundled model, 0.5-0.8 of other seeds
MAX_STYLE = 0.25  # median distance of style vectors, of that between loops of different seeds: 0.07 for the same
MAX_LOST = 0.1  # share of the loops that may lose their tempo or a clean seam


@dataclass(frozen=True)
class _Measured:
    onset: np.ndarray
    style: np.ndarray
    tempo: bool
    seam: bool


def check_exported(exported: LoopModel, trained: LoopModel, on_progress: OnProgress = ignore) -> None:
    """Raise FourfloorError where the loops of an exported model differ from those of the run it was made from."""
    tell = silent(on_progress)
    asked = zip(range(LOOPS), cycle((126.0, 110.0, 140.0)), cycle(BAR_COUNTS[:3]), strict=False)
    requests = [Request(bpm=bpm, bars=bars, seed=seed) for seed, bpm, bars in asked]
    pairs = []
    for done, request in enumerate(requests):
        tell(done, LOOPS, f"comparing with loops of the run, {done + 1} of {LOOPS}")
        pairs.append((_measured(exported, request), _measured(trained, request)))
    for reason in _differences(pairs):
        raise FourfloorError(
            f"{exported.name}: its loops differ from those of {trained.name} ({reason}); it was not written"
        )


def _differences(pairs: list[tuple[_Measured, _Measured]]) -> list[str]:
    """Say in a few words each what is not alike."""
    envelope = float(np.median([np.corrcoef(ours.onset, theirs.onset)[0, 1] for ours, theirs in pairs]))
    apart = float(np.median([np.linalg.norm(ours.style - theirs.style) for ours, theirs in pairs]))
    others = [pair[1].style for pair in pairs]
    between = float(np.median([float(np.linalg.norm(a - b)) for a, b in pairwise(others)] or [np.inf]))
    lost = {
        "tempo": np.mean([theirs.tempo and not ours.tempo for ours, theirs in pairs]),
        "seam": np.mean([theirs.seam and not ours.seam for ours, theirs in pairs]),
    }
    found = [] if envelope >= MIN_ENVELOPE else [f"envelope correlation {envelope:.2f}, below {MIN_ENVELOPE}"]
    found += [] if apart <= MAX_STYLE * between else [f"style distance {apart:.0f}, between seeds {between:.0f}"]
    return found + [f"{share:.0%} lose their {name}" for name, share in lost.items() if share > MAX_LOST]


def _measured(model: LoopModel, request: Request) -> _Measured:
    waveform = make_loop(model, request)
    analysis = analyze(waveform, SAMPLE_RATE)
    scores = score_analysis(waveform, SAMPLE_RATE, analysis, request.bpm, request.bars)
    return _Measured(analysis.onset, style_vector(analysis, request.bars), scores.tempo_hit, scores.seam.passes)
