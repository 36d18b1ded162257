"""The bundled model still sounds as it did: sixteen fixed seeds, with every number inside a stated band.

The bands hold the measured value with some room for other processors and releases of torch, and none for another model:
whoever trains one states its bands anew. Sixteen loops say nothing of the style (docs/metrics.md).
"""

import numpy as np

import fourfloor as ff
from fourfloor.evaluation.scores import score_loop
from fourfloor.evaluation.tones import TONES, tones_of
from fourfloor.signal.analysis import mono, to_analysis_rate

TEMPI = (118.0, 126.0, 134.0, 142.0)
EACH, FIRST_SEED, BARS = 4, 1000, 2
BANDS = {  # of the median, and beside it what it was; of shares, the mean
    "tempo": (0.9, 1.0),  # 1.0
    "seam": (0.9, 1.0),  # 1.0
    "seam_score": (0.85, 1.0),  # .96
    "clarity_db": (8.2, 10.2),  # 9.2; white noise has 5.6
    "floor_db": (-4.6, -3.8),  # -4.2; white noise has -2.4
    "in_scale": (0.67, 0.87),  # .77
    "bass_in_key": (0.42, 0.68),  # .55; .23 by chance
    "bass_steady": (0.42, 0.62),  # .52
    "bass_spread": (0.6, 1.5),  # 1.0
    "copy_score": (0.4, 0.59),  # .50, as held-out loops of the same producer have
    "copy": (0.0, 0.13),  # one of sixteen, which generate would redraw
    "level_db": (-16.5, -14.5),  # -15.5
    "centroid_hz": (310.0, 560.0),  # 419
    "flatness_db": (-19.0, -14.0),  # -16.9
}
SHARES = ("tempo", "seam", "copy")


def measure(loop: ff.Loop) -> dict[str, float]:
    scores = score_loop(loop.waveform, loop.sample_rate, loop.bpm, loop.bars)
    tones = tones_of(to_analysis_rate(mono(loop.waveform), loop.sample_rate), loop.bpm, loop.bars)
    power = np.abs(np.fft.rfft(loop.waveform.mean(axis=0))) ** 2
    hertz = np.arange(len(power)) * loop.sample_rate / loop.waveform.shape[1]
    copy_score = loop.copy.score or 0.0
    return {name: getattr(tones, name) for name in TONES} | {
        "tempo": scores.tempo_hit, "seam": scores.seam.passes, "seam_score": scores.seam.score,
        "copy_score": copy_score, "copy": copy_score >= 0.65, "level_db": 10 * np.log10((loop.waveform**2).mean()),
        "centroid_hz": np.average(hertz, weights=power), "flatness_db": scores.flatness_db,
    }  # fmt: skip


def test_the_bundled_model_sounds_as_it_did() -> None:
    model = ff.load("warehouse")
    rows = [
        measure(loop)
        for number, bpm in enumerate(TEMPI)
        for loop in model.generate_many(EACH, bpm=bpm, bars=BARS, seed=FIRST_SEED + number * EACH, redraws=0)
    ]
    values = {name: float((np.mean if name in SHARES else np.nanmedian)([row[name] for row in rows])) for name in BANDS}
    outside = {name: values[name] for name, (low, high) in BANDS.items() if not low <= values[name] <= high}
    assert not outside, values
