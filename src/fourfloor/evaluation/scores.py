"""One loop -> its own numbers: `score_loop` turns a waveform into `LoopScores`; an `Envelope` holds the usual ranges.

Generation picks candidates by these numbers, training stops early by them, and the scorecard sums them up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from fourfloor.copies.index import CopyIndex, CopyMatch
from fourfloor.copies.policy import is_copy
from fourfloor.dataset import Dataset
from fourfloor.envelope import BAND_NUMBERS, SANE_NUMBERS, Envelope
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.features import Analysis, analyze
from fourfloor.evaluation.rhythm import (
    chop_of,
    folded,
    independence_of,
    is_tempo,
    pulse_of,
    repetition_of,
    tempo_of,
)
from fourfloor.evaluation.seam import Seam, curvature_of, seam_of
from fourfloor.signal.analysis import ANALYSIS_RATE, CUTOFF_HZ, Array

ENVELOPE_LOOPS = 120  # evenly over a training set: enough for the range of a number


@dataclass(frozen=True, kw_only=True)
class LoopScores:
    """The per-loop numbers.

    `flatness_db`: mean spectral flatness of the frames (0 = white). `modulation_db`: 95th - 10th percentile of each
    mel band, mean. `crest_db`: peak over RMS. `clipping`: share of samples within 0.1 % of the peak. `offset`: |DC|
    over RMS. `crackle`: the sharpest 5 ms against the ninth sharpest. `chop`, `chop_hz`: how regular onsets are at
    7-33 Hz, and at which rate. `copy_score`, `nearest`: empty without a search.
    """

    bpm: float
    bars: int
    bpm_measured: float
    tempo_hit: bool
    pulse: float
    chop: float
    chop_hz: float
    independence: float
    repetition: float
    seam: Seam
    flatness_db: float
    modulation_db: float
    crest_db: float
    clipping: float
    offset: float
    crackle: float
    finite: bool
    silent: bool
    copy_score: float | None = None
    nearest: str | None = None

    def faults(self, envelope: Envelope) -> tuple[str, ...]:
        """Name what is not usual, worst kinds first; empty for a loop that is sane, in time, in range and closed."""
        names = [] if self.finite else ["not finite"]
        if self.silent:
            return (*names, "silent")
        names += [number for number in SANE_NUMBERS if not envelope.holds(number, getattr(self, number))]
        names += [] if self.tempo_hit else ["tempo"]
        names += [number for number in BAND_NUMBERS if not envelope.holds(number, getattr(self, number))]
        names += ["seam " + fault for fault in self.seam.faults]
        return (*names, "copy") if self.is_copy else tuple(names)

    @property
    def is_copy(self) -> bool:
        """Return whether a copy search found the loop in its training set."""
        return is_copy(self.copy_score)

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON, the seam's tests beside the rest."""
        tests = {f"seam_{name}": value for name, value in asdict(self.seam).items()}
        return {**asdict(self), "seam": self.seam.score, **tests}

    def is_sane(self, envelope: Envelope) -> bool:
        """Return whether the loop is finite, not silent, and usual in every one of `SANE_NUMBERS`."""
        usual = all(envelope.holds(number, getattr(self, number)) for number in SANE_NUMBERS)
        return self.finite and not self.silent and usual

    def quality(self, envelope: Envelope) -> float:
        """Rank a candidate: 0-1, above .5 without faults; the rest is how near the middle of the envelope it lies."""
        faults = self.faults(envelope)
        nearness = [envelope.nearness(number, getattr(self, number)) for number in SANE_NUMBERS[:3] + BAND_NUMBERS]
        central = float(np.mean(nearness))
        return 0.5 + 0.5 * central if not faults else 0.5 * central / (1 + len(faults))


def sharpness(curvature: Array, sample_rate: int) -> float:
    """Compare the sharpest 5 ms of a loop with the ninth sharpest: drums recur, a click does not."""
    block = max(1, round(0.005 * sample_rate))
    whole = len(curvature) // block * block
    peaks = np.sort(curvature[:whole].reshape(-1, block).max(axis=1))[::-1] if whole else np.zeros(1)
    # A click astride two blocks fills two of the nine.
    return float(peaks[0] / max(float(peaks[min(8, len(peaks) - 1)]), 1e-9))


def score_analysis(waveform: Array, sample_rate: int, analysis: Analysis, bpm: float, bars: int) -> LoopScores:
    """Score a loop that is analyzed already; see `score_loop`."""
    native = np.atleast_2d(np.asarray(waveform, dtype=np.float32))
    finite = bool(np.isfinite(native).all())
    native = np.nan_to_num(native, nan=0.0, posinf=0.0, neginf=0.0)
    peak, rms = float(np.abs(native).max(initial=0.0)), float(np.sqrt(np.mean(native**2))) if native.size else 0.0
    upper, lower = np.percentile(analysis.mel_db, (95, 10), axis=1)
    measured = folded(tempo_of(analysis), bpm)
    chop, chop_hz = chop_of(analysis)
    return LoopScores(
        bpm=float(bpm),
        bars=bars,
        bpm_measured=measured,
        tempo_hit=is_tempo(measured, bpm),
        pulse=pulse_of(analysis),
        chop=chop,
        chop_hz=chop_hz,
        independence=independence_of(analysis),
        repetition=repetition_of(analysis, bars),
        seam=seam_of(native, analysis, bpm, bars),
        flatness_db=analysis.flatness_db,
        modulation_db=float(np.mean(upper - lower)),
        crest_db=20 * float(np.log10(max(peak, 1e-9) / max(rms, 1e-9))),
        clipping=float(np.mean(np.abs(native) >= 0.999 * peak)) if peak > 0 else 0.0,
        offset=float(np.abs(native.mean(axis=1)).max() / max(rms, 1e-9)),
        crackle=sharpness(curvature_of(native), sample_rate),
        finite=finite,
        silent=analysis.silent,
    )


def score_loop(waveform: Array, sample_rate: int, bpm: float, bars: int, cutoff_hz: float = CUTOFF_HZ) -> LoopScores:
    """Score a loop `(channels, samples)` of `bars` bars that was asked for at `bpm`; an empty one is refused."""
    return score_analysis(waveform, sample_rate, _analyzed(waveform, sample_rate, bpm, bars, cutoff_hz), bpm, bars)


def _analyzed(waveform: Array, sample_rate: int, bpm: float, bars: int, cutoff_hz: float) -> Analysis:
    if np.asarray(waveform).size == 0:
        raise FourfloorError("a loop of no samples cannot be scored: pass (channels, samples) with samples > 0")
    if not bpm > 0 or bars < 1:
        raise FourfloorError(f"bpm {bpm} and bars {bars} must be positive: pass what the loop was made for")
    return analyze(waveform, sample_rate, cutoff_hz)


def score_new(waveform: Array, sample_rate: int, bpm: float, bars: int, index: CopyIndex) -> LoopScores:
    """Score a loop as `score_loop` does, and search the training music for its nearest passage."""
    analysis = _analyzed(waveform, sample_rate, bpm, bars, CUTOFF_HZ)
    scores = score_analysis(waveform, sample_rate, analysis, bpm, bars)
    match = index.search(analysis.waveform, ANALYSIS_RATE, bpm)
    # A silent or constant loop has no nearest passage.
    return with_copy(scores, replace(match, score=round(match.score, 4))) if match.track else scores


def with_copy(scores: LoopScores, match: CopyMatch) -> LoopScores:
    """Add the result of a copy search to the scores of a loop."""
    return replace(scores, copy_score=match.score, nearest=f"{match.track} @ {match.seconds:.1f} s")


def usual_range(dataset: Dataset, on_loop: Callable[[int, int], None] = lambda done, total: None) -> Envelope:
    """Measure the usual range of the numbers on training loops of a dataset, evenly over it."""
    chosen = dataset.evenly("train", ENVELOPE_LOOPS)
    measured = []
    for done, i in enumerate(chosen, 1):
        measured.append(score_loop(dataset.waveform(i), dataset.sample_rate, dataset.bpm(i), dataset.bars))
        on_loop(done, len(chosen))
    return Envelope.of(measured)
