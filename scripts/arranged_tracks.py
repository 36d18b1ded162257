"""Random arranged tracks with exact truth, to test a tempo tracker on what the producer does not write.

Five grooves (four-on-the-floor house and techno, offbeat bass, breakbeat, half-step) at 88-178 BPM with swing, sections
of 4 or 8 bars that drop instruments, pickups and leading silence; 3/4 and 6/8 where asked for. Crude on purpose: no
mastering, few sounds.
"""

from dataclasses import dataclass

import numpy as np
from scipy import signal

SAMPLE_RATE = 44_100
GROOVES = ("house", "techno", "offbeat", "break", "half-step")
STEPS = 16
Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class ArrangedTrack:
    """Mono audio `(1, samples)`, its tempo in beats (of 6/8: dotted quarters), and a downbeat in [0, one bar)."""

    waveform: np.ndarray
    bpm: float
    downbeat: float
    groove: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """A row of the arrangement: the sounds that start at (bar of its phrase, sixteenth), and when it plays."""

    hits: list[tuple[int, float, np.ndarray]]
    phrase_bars: int
    sections: np.ndarray


def arranged_track(seed: int, seconds: float = 40.0, meter: str = "4/4", swing: float | None = None) -> ArrangedTrack:
    """Return a track cut at a random place from a random arrangement, one in three after up to 3 s of silence.

    `swing` says how late the odd sixteenths are, in sixteenths; by default one track in three swings.
    """
    rng = np.random.default_rng(seed)
    groove = str(rng.choice(GROOVES))
    bpm = round(float(rng.uniform(88, 178)), int(rng.integers(0, 3)))
    steps = STEPS if meter == "4/4" else 12
    bar = steps * 15.0 / bpm
    start = (0.0, rng.uniform(0, 4 * bar), rng.integers(0, STEPS) * 60.0 / bpm)[rng.integers(3)]
    silence = rng.uniform(0, 3) if rng.random() < 1 / 3 else 0.0
    parts = [_in_meter(part, meter) for part in _parts(groove, bpm, rng)]
    section_bars, drawn = int(rng.choice([4, 8])), _swing(rng)
    music = _play(parts, int(seconds / bar) + 6, bar / steps, steps, section_bars, drawn if swing is None else swing)
    first = round(start * SAMPLE_RATE)
    lead = round(silence * SAMPLE_RATE)
    waveform = np.concatenate([np.zeros(lead), music[first : first + round(seconds * SAMPLE_RATE)]])
    waveform = 0.6 * np.tanh(waveform / np.abs(waveform).max() * rng.uniform(0.8, 2.0))
    downbeat = ((lead - first) / SAMPLE_RATE) % bar
    beats = bpm if meter != "6/8" else bpm / 1.5
    return ArrangedTrack(waveform=waveform[None].astype(np.float32), bpm=beats, downbeat=downbeat, groove=groove)


def _in_meter(part: Part, meter: str) -> Part:
    """Turn a row of 4/4 into three of its beats, or into 6/8: on eighths, what was on beats 2 and 4 on eighth 4."""
    if meter == "4/4":
        return part
    hits = [(bar, step, sound) for bar, step, sound in part.hits if step < 12]
    if meter == "6/8":
        moved = {4: 6, 8: 0}
        hits = [(bar, moved.get(int(step), 2 * (int(step) // 2)), sound) for bar, step, sound in hits]
        hits = list({(bar, step): (bar, step, sound) for bar, step, sound in hits}.values())
    return Part(hits=hits, phrase_bars=part.phrase_bars, sections=part.sections)


def _swing(rng: Rng) -> float:
    """Return how late the odd sixteenths are, in sixteenths."""
    return float(rng.uniform(0.05, 0.33)) if rng.random() < 1 / 3 else 0.0


def _play(parts: list[Part], bars: int, step: float, steps: int, section_bars: int, swing: float) -> np.ndarray:
    music = np.zeros(round((bars * steps * step + 2) * SAMPLE_RATE))
    for part in parts:
        for index in range(bars):
            if not part.sections[index // section_bars % len(part.sections)]:
                continue
            for phrase_bar, place, sound in part.hits:
                if phrase_bar == index % part.phrase_bars:
                    late = swing if place % 2 else 0.0
                    at = round((index * steps + place + late) * step * SAMPLE_RATE)
                    music[at : at + len(sound)] += sound[: len(music) - at]
    return music


def _parts(groove: str, bpm: float, rng: Rng) -> list[Part]:
    step = 15.0 / bpm
    straight = groove in ("house", "techno", "offbeat")
    if straight:
        kicks = [0, 4, 8, 12]
    elif groove == "break":
        kicks = [0, *rng.choice([2, 6, 7, 10, 11], 2, replace=False)]
    else:
        kicks = [0, rng.choice([6, 7, 10, 11, 14])]
    ghost = [7, 9] if groove == "break" and rng.random() < 0.3 else []
    snares = [4, 12, *ghost] if not straight or groove == "house" or rng.random() < 0.4 else []
    hats = (range(2, STEPS, 4), range(0, STEPS, 2), range(STEPS))[rng.integers(3)]
    closed, opened = _noise(rng, 0.02, 6000, 18000), _noise(rng, 0.08, 5000, 18000)
    kick, snare = _kick(rng), _snare(rng)
    loud = rng.uniform(0.1, 0.35)
    rows: list[tuple[float, int, list[tuple[int, float, np.ndarray]]]] = [
        (0.88, 1, [(0, at, kick) for at in kicks]),
        (0.75, 1, [(0, at, snare) for at in snares]),
        (0.75, 1, [(0, at, loud * (opened if at % 4 == 2 and straight else 0.6 * closed)) for at in hats]),
        (0.75, 4, _bass(groove == "offbeat", step, rng)),
        (0.60, 4, _chords(step, rng)),
    ]
    parts = [Part(hits=hits, phrase_bars=bars, sections=rng.random(64) < chance) for chance, bars, hits in rows]
    parts[2].sections[~np.any([part.sections for part in parts[:3]], axis=0)] = True
    return parts


def _progression(rng: Rng) -> np.ndarray:
    """Return the semitones of four bars; often two chords, sometimes one."""
    degrees = rng.choice([0, 3, 5, 7, 8, 10, -2], 4)
    if rng.random() < 0.5:
        degrees[1], degrees[3] = degrees[0], degrees[2]
    return degrees * (rng.random() < 0.85)


def _bass(offbeat: bool, step: float, rng: Rng) -> list[tuple[int, float, np.ndarray]]:
    root, degrees = rng.uniform(36, 60), _progression(rng)
    steps = [2, 6, 10, 14] if offbeat else sorted(rng.choice(STEPS, rng.integers(3, 9), replace=False))
    notes = rng.choice([0, 0, 0, 7, 12, 3, 10], len(steps))
    level = rng.uniform(0.2, 0.5)
    return [
        (bar, at, level * _tone(root * 2 ** ((degrees[bar] + note) / 12), 1.6 * step, 700))
        for bar in range(4)
        for at, note in zip(steps, notes, strict=True)
    ]


def _chords(step: float, rng: Rng) -> list[tuple[int, float, np.ndarray]]:
    root, degrees = rng.uniform(150, 240), _progression(rng)
    steps = sorted(rng.choice(STEPS, rng.integers(1, 5), replace=False)) if rng.random() < 0.6 else [0]
    pitches = rng.choice([0, 3, 7, 10, 12], 3, replace=False)
    level = rng.uniform(0.05, 0.15)
    return [
        (
            bar,
            at,
            level
            * np.sum([_tone(root * 2 ** ((degrees[bar] + pitch) / 12), 3 * step, 2500) for pitch in pitches], axis=0),
        )
        for bar in range(4)
        for at in steps
    ]


def _decay(seconds: float, length: float = 0.3) -> np.ndarray:
    return np.exp(-np.arange(round(length * SAMPLE_RATE)) / (seconds * SAMPLE_RATE))


def _kick(rng: Rng) -> np.ndarray:
    hertz = rng.uniform(42, 60) + rng.uniform(80, 300) * _decay(rng.uniform(0.015, 0.05))
    sound = np.sin(2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE) * _decay(rng.uniform(0.06, 0.16))
    sound[:200] += 0.2 * rng.standard_normal(200) * _decay(0.001)[:200]
    return sound


def _noise(rng: Rng, decay: float, low: float, high: float) -> np.ndarray:
    sections = signal.butter(2, [low, high], "band", fs=SAMPLE_RATE, output="sos")
    sound = signal.sosfilt(sections, rng.standard_normal(round(0.3 * SAMPLE_RATE))) * _decay(decay)
    return sound / np.abs(sound).max()


def _snare(rng: Rng) -> np.ndarray:
    sound = _noise(rng, rng.uniform(0.04, 0.1), 800, rng.uniform(6000, 12000))
    if rng.random() < 0.6:
        time = np.arange(len(sound)) / SAMPLE_RATE
        sound += 0.6 * np.sin(2 * np.pi * rng.uniform(170, 230) * time) * _decay(0.05)
    return rng.uniform(0.3, 0.8) * sound / np.abs(sound).max()


def _tone(hertz: float, seconds: float, cutoff: float) -> np.ndarray:
    """Return a plucked saw, its attack 3 ms."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sections = signal.butter(2, cutoff, fs=SAMPLE_RATE, output="sos")
    sound = signal.sosfilt(sections, signal.sawtooth(2 * np.pi * hertz * time)) * np.exp(-time / 0.25)
    ramp = np.linspace(0, 1, round(0.003 * SAMPLE_RATE))
    sound[: len(ramp)] *= ramp
    sound[-len(ramp) :] *= ramp[::-1]
    return sound
