"""Synthesize drum one-shots whose every property is drawn from a wide range, a kit to train on: `scripts/kits.sh`.

    python scripts/random_kit.py data/kits/random

The producer's drums sound like those of the TR-808 and TR-909. One-shots of other machines and players ring longer, are
tuned, distorted or filtered; networks meet such sounds here. Nothing is recorded, so no license applies.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile
from scipy import signal

RATE = 44_100
# Role: how many; seconds to -60 dB; Hz of its tone; ends of its noise in Hz; levels of tone, noise and partials in dB.
ROLES = {
    "kick": (150, (0.12, 2.2), (30, 90), (300, 9000), (0, -26, -50)),
    "snare": (110, (0.1, 0.9), (110, 420), (500, 15000), (-9, -3, -26)),
    "clap": (70, (0.08, 0.8), (500, 2000), (400, 12000), (-40, 0, -40)),
    "hat": (110, (0.02, 0.25), (1500, 9000), (2000, 18000), (-40, -6, -4)),
    "open hat": (90, (0.2, 1.6), (1500, 9000), (2000, 18000), (-40, -6, -4)),
    "rim": (50, (0.02, 0.25), (300, 3000), (600, 12000), (-2, -14, -10)),
    "ride": (40, (0.5, 2.4), (800, 6000), (1500, 16000), (-30, -16, -2)),
    "shaker": (50, (0.03, 0.3), (2000, 8000), (1500, 16000), (-50, 0, -24)),
    "conga": (70, (0.08, 1.0), (90, 700), (300, 6000), (0, -20, -20)),
    "percussion": (110, (0.04, 1.4), (120, 3000), (300, 15000), (-6, -12, -8)),
}
SPREAD_DB = 9.0  # deviation of each level
Rng = np.random.Generator


def between(rng: Rng, low: float, high: float) -> float:
    """Draw from a range, evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def decay(t: np.ndarray, seconds: float, rng: Rng) -> np.ndarray:
    """Return an envelope (n,): a short attack, a hold, and a fall to -60 dB that may begin faster than it ends."""
    attack, hold = between(rng, 0.0002, 0.006), rng.uniform(0, 0.2) * seconds * (rng.uniform() < 0.5)
    fall = (np.maximum(t - hold, 0) / seconds) ** rng.uniform(0.6, 1.6)
    return np.minimum(t / attack, 1) * np.exp(-6.9 * fall)


def tone(t: np.ndarray, hertz: float, rng: Rng) -> np.ndarray:
    """Return a tone (n,) that falls to `hertz`, with a second one in its phase or beside it."""
    drops = between(rng, 0.02, 8), between(rng, 0.02, 20)
    sweep = 1 + drops[0] * np.exp(-t / between(rng, 0.008, 0.12)) + drops[1] * np.exp(-t / between(rng, 0.001, 0.01))
    turns = np.cumsum(np.minimum(hertz * sweep, 12_000)) / RATE
    ratio, depth = rng.uniform(0.5, 4), rng.exponential(0.5) * (rng.uniform() < 0.4)
    body = np.sin(2 * np.pi * turns + depth * np.sin(2 * np.pi * ratio * turns) * np.exp(-t / between(rng, 0.01, 0.3)))
    if rng.uniform() < 0.3:
        body = body + rng.uniform(0.1, 0.8) * np.sin(2 * np.pi * turns * rng.uniform(1.3, 2.7))
    return body


def noise(t: np.ndarray, low: float, high: float, bursts: int, rng: Rng) -> np.ndarray:
    """Return noise (n,) in a band, in `bursts` that follow one another within some ms."""
    edges = np.sort([between(rng, low, high), between(rng, low, high)])
    sections = signal.butter(int(rng.integers(1, 4)), [edges[0] * 0.8, min(edges[1] * 1.25, 20_000)], "band", fs=RATE,
                             output="sos")  # fmt: skip
    hiss = signal.sosfilt(sections, rng.standard_normal(len(t)))
    begins = np.cumsum(rng.uniform(0.005, 0.016, bursts)) if bursts else np.zeros(0)
    gain = 1.0 if not bursts else 0.6 * (t > begins[-1])
    for begin in begins:
        gain = gain + np.where(t >= begin, np.exp(-np.maximum(t - begin, 0) / 0.004), 0)
    return hiss / (np.std(hiss) + 1e-9) * gain


def partials(t: np.ndarray, hertz: float, seconds: float, rng: Rng) -> np.ndarray:
    """Return a metallic or wooden sound (n,): partials in no harmonic relation, each with its decay."""
    total = np.zeros(len(t))
    for _ in range(int(rng.integers(2, 14))):
        at = min(hertz * between(rng, 0.7, 4), 16_000)
        wave = np.sin(2 * np.pi * at * t + rng.uniform(0, 6.28))
        wave = np.tanh(4 * wave) if rng.uniform() < 0.3 else wave
        total += rng.uniform(0.2, 1) * wave * np.exp(-6.9 * t / (seconds * between(rng, 0.3, 1.5)))
    return total / (np.std(total[: RATE // 50]) + 1e-9)


def processed(hit: np.ndarray, rng: Rng) -> np.ndarray:
    """Return a hit (n,) after drive, a smooth equalizer, now and then fewer bits and a small room."""
    hit = hit / (np.abs(hit).max() + 1e-9)
    if rng.uniform() < 0.5:
        drive = between(rng, 0.5, 12)
        hit = np.tanh(drive * hit + rng.uniform(0, 0.3)) / np.tanh(drive)
        hit = hit - hit[-1]
    if rng.uniform() < 0.1:
        steps = 2 ** int(rng.integers(3, 8))
        hit = np.round(hit * steps) / steps
    if rng.uniform() < 0.3:
        room = rng.standard_normal(int(RATE * between(rng, 0.02, 0.25)))
        room *= np.exp(-6.9 * np.arange(len(room)) / len(room))
        hit = hit + rng.uniform(0.02, 0.3) * signal.fftconvolve(hit, room / np.sqrt(np.sum(room**2)))[: len(hit)]
    hertz = np.fft.rfftfreq(len(hit), 1 / RATE)
    knobs = np.interp(np.log2(np.maximum(hertz, 30) / 30), np.linspace(0, 9.5, 7), rng.normal(0, 4, 7))
    return np.fft.irfft(np.fft.rfft(hit) * 10 ** (knobs / 20), len(hit))


def one_shot(role: str, rng: Rng) -> np.ndarray:
    """Draw a one-shot of a role, mono (n,), peak 1."""
    _, lasts, tuned, hissing, levels = ROLES[role]
    seconds = between(rng, *lasts)
    t = np.arange(int(RATE * min(1.05 * seconds + 0.01, 2.4))) / RATE
    hertz = between(rng, *tuned)
    gains = 10 ** ((np.array(levels) + SPREAD_DB * rng.standard_normal(3)) / 20)
    bursts = int(rng.integers(2, 6)) if role == "clap" else 0
    hit = gains[0] * tone(t, hertz, rng) * decay(t, seconds, rng)
    hit += gains[1] * noise(t, *hissing, bursts, rng) * decay(t, seconds * between(rng, 0.15, 1), rng)
    hit += gains[2] * partials(t, hertz, seconds, rng)
    hit = processed(hit, rng)
    fade = min(len(hit), RATE // 200)
    hit[-fade:] *= np.linspace(1, 0, fade)
    return hit / (np.abs(hit).max() + 1e-9)


def main(out: Path) -> None:
    """Write the kit."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for role, (count, *_) in ROLES.items():
        for number in range(count):
            soundfile.write(out / f"{role} {number:03d}.wav", one_shot(role, rng), RATE)
    print(f"{out}: {sum(count for count, *_ in ROLES.values())} one-shots")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
