"""From a seed to a finished loop: draws style, tempo and parts, renders each on the circle, mixes, masters."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
from scipy import ndimage

from fourfloor.producer import circle, drums, effects, mix
from fourfloor.producer.arrangement import arrange
from fourfloor.producer.kits import Kit
from fourfloor.producer.mastering import master
from fourfloor.producer.oscillators import pad
from fourfloor.producer.parts import Part
from fourfloor.producer.score import Event, ProducedLoop
from fourfloor.producer.styles import STYLES, Style, matching_styles
from fourfloor.producer.synths import acid_line, note
from fourfloor.signal.beatgrid import BEATS_PER_BAR, loop_samples

CURVE_STEP = 512  # samples between the points of a curve that noise follows
LOWEST_RATE = 16_000  # in Hz: the filters of hats and claps reach up to 8 kHz


def stream(seed: int, name: str) -> np.random.Generator:
    """Return a generator of its own for one decision, so that a change in one does not move the others."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def draw_bpm(style: Style, rng: np.random.Generator) -> float:
    """Draw a tempo of a style in BPM, mostly a whole number and near the middle of its range."""
    low, high = style.bpm
    bpm = float(rng.triangular(low, (low + high) / 2, high))
    return round(bpm, 1 if rng.uniform() < 0.15 else 0)


def drum_track(part: Part, length: int, beat_samples: float, sample_rate: int) -> np.ndarray:
    """Place a one-shot at every event of a drum part, at its level in the mix, (1, N)."""
    track = np.zeros(length, np.float32)
    assert part.hit is not None
    hit = drums.band(part.hit, part.low_cut, None, sample_rate) if part.low_cut else part.hit
    blocks = np.pad(hit, (0, max(0, int(0.1 * sample_rate) - len(hit))))
    loudest = max(event.velocity for event in part.events)
    hit = hit * np.float32(10 ** ((part.level_db - mix.moment_db(1.4 * loudest * blocks, sample_rate)) / 20))
    for event in part.events:
        circle.place(track, hit, round(event.start * beat_samples), event.velocity)
    return track[None]


def slow_curve(part: Part, turns: float) -> float:
    """Return the octaves by which a part's filter is open at a point `turns` (0..1) of the loop."""
    return part.settings.get("sweep", 0.0) * float(np.sin(2 * np.pi * (turns + part.settings.get("turn", 0.0))))


def note_track(part: Part, length: int, beat_samples: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Render the notes of a pitched part, (2, N); equal notes are rendered once."""
    assert part.patch is not None
    track = np.zeros((2, length), np.float32)
    rendered: dict[tuple[float, ...], np.ndarray] = {}
    for event in part.events:
        start = round(event.start * beat_samples)
        octaves = round(4 * slow_curve(part, event.start * beat_samples / length)) / 4
        seconds = round(event.duration * beat_samples / sample_rate, 3)
        key = (event.pitch, round(event.velocity, 1), seconds, octaves)
        if key not in rendered:
            patch = replace(part.patch, cutoff=part.patch.cutoff * 2.0**octaves)
            rendered[key] = note(patch, event.pitch, seconds, max(key[1], 0.1), sample_rate, rng)
        circle.place(track, rendered[key], start)
    return track


def pad_track(part: Part, length: int, beat_samples: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Render held chords as periodic pads faded into one another, (2, N)."""
    chords = _chords(part.events)
    track = np.zeros((2, length), np.float32)
    fade = max(1, int(0.04 * sample_rate))
    for pitches, spans in chords.items():
        sound = pad(
            list(pitches), length, sample_rate, brightness_hz=part.settings["brightness"],
            spread_cents=part.settings["spread"], tilt=part.settings["tilt"], rng=rng,
        )  # fmt: skip
        if len(chords) > 1:
            gate = np.zeros(length, np.float32)
            for span in spans:
                held = np.ones(round(span.duration * beat_samples), np.float32)
                circle.place(gate, held, round(span.start * beat_samples))
            sound = sound * ndimage.uniform_filter1d(np.minimum(gate, 1), fade, mode="wrap")
        track += sound
    if part.settings["gated"]:
        track *= gate_curve(length, beat_samples, sample_rate, rng)
    return track


def _chords(events: list[Event]) -> dict[tuple[float, ...], list[Event]]:
    """Return where each chord sounds: one event of it for each time, by its pitches."""
    by_start: dict[float, list[Event]] = {}
    for event in events:
        by_start.setdefault(event.start, []).append(event)
    chords: dict[tuple[float, ...], list[Event]] = {}
    for together in by_start.values():
        chords.setdefault(tuple(sorted(event.pitch for event in together)), []).append(together[0])
    return chords


def gate_curve(length: int, beat_samples: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return a rhythmic gate (N,) on sixteenths, one bar long, edges of 4 ms."""
    pattern = np.where(rng.uniform(size=16) < 0.65, 1.0, 0.1)
    steps = (np.arange(length) / (beat_samples / 4)).astype(int) % 16
    return ndimage.uniform_filter1d(pattern[steps].astype(np.float32), int(0.004 * sample_rate), mode="wrap")


def noise_track(part: Part, length: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Render a noise bed: a riser, a wave that comes and goes, or a steady hiss, (2, N)."""
    turn = np.arange(round(length / CURVE_STEP)) * CURVE_STEP * part.settings["cycles"] / length % 1.0
    kind = int(part.settings["kind"])
    if kind == 0:
        return effects.swept_noise(turn**2, 400 * 2 ** (4.5 * turn), length, sample_rate, rng)
    level = 0.5 - 0.5 * np.cos(2 * np.pi * turn) if kind == 1 else np.full(len(turn), 0.5)
    return effects.swept_noise(level, 800 * 2 ** (2 - 2 * np.cos(2 * np.pi * turn)), length, sample_rate, rng)


def swell_track(part: Part, length: int, beat_samples: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Render noise that rises over each event and stops at its end, (2, N)."""
    beats = np.arange(round(length / CURVE_STEP)) * CURVE_STEP / beat_samples
    loop_beats = length / beat_samples
    level = np.zeros(len(beats))
    for event in part.events:
        since = (beats - event.start) % loop_beats
        level = np.maximum(level, np.where(since < event.duration, since / event.duration, 0) ** part.settings["power"])
    return effects.swept_noise(level, 600 * 2 ** (4 * level), length, sample_rate, rng)


def render_part(part: Part, length: int, beat_samples: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Render one part dry, (2, N); drums (1, N)."""
    if part.hit is not None:
        return drum_track(part, length, beat_samples, sample_rate)
    if part.name == "acid":
        assert part.patch is not None
        turns = np.arange(length) / length * part.settings["cycles"]
        sweep = part.settings["sweep"] * np.sin(2 * np.pi * (turns + part.settings["turn"]))
        return acid_line(part.patch, part.events, length, beat_samples, sweep.astype(np.float32), sample_rate)
    if part.name == "pad":
        return pad_track(part, length, beat_samples, sample_rate, rng)
    if part.name == "swell":
        return swell_track(part, length, beat_samples, sample_rate, rng)
    if part.name == "noise":
        return noise_track(part, length, sample_rate, rng)
    track = note_track(part, length, beat_samples, sample_rate, rng)
    return effects.chorus(track, part.settings["chorus"], 4, sample_rate) if part.settings.get("chorus") else track


def render_loop(
    seed: int,
    style: str | None = None,
    bars: int = 4,
    bpm: float | None = None,
    sample_rate: int = 44_100,
    *,
    density: float | None = None,
    energy: float | None = None,
    kit: Kit | None = None,
    grouped: bool = False,
) -> ProducedLoop:
    """Render one loop, waveform (2, N), N = loop_samples(bpm, bars, sample_rate); equal arguments give equal samples.

    `density` in [0, 1] scales how many parts play and how busy they are, `energy` in [0, 1] how bright, driven and loud
    they are. Unset choices are drawn from `seed`. With `grouped` the loop also holds its four stems as mastered.
    """
    if bars < 1 or sample_rate < LOWEST_RATE:
        raise ValueError(f"bars {bars}, sample_rate {sample_rate}: render 1 bar or more, at {LOWEST_RATE} Hz or more")
    choice = stream(seed, "choice")
    style = str(choice.choice(matching_styles(style)))
    rules = STYLES[style]
    drawn_bpm = draw_bpm(rules, choice)  # always, so that a given tempo leaves the other choices as they are
    bpm = drawn_bpm if bpm is None else bpm
    density = float(choice.beta(2.0, 1.5)) if density is None else density
    energy = float(choice.beta(2.0, 2.0)) if energy is None else energy
    length = loop_samples(bpm, bars, sample_rate)
    beat_samples = length / (bars * BEATS_PER_BAR)
    song, parts = arrange(rules, bars, density, energy, kit, sample_rate, stream(seed, "arrangement"))
    tracks = [
        (part, render_part(part, length, beat_samples, sample_rate, stream(seed, f"part {i}")))
        for i, part in enumerate(parts)
    ]
    kick_starts = [round(e.start * beat_samples) for part in parts if part.name == "kick" for e in part.events]
    bus, stems = mix.mix_down(tracks, rules, kick_starts, beat_samples, sample_rate, stream(seed, "mix"), grouped)
    bus = master(bus, rules, energy, sample_rate, stream(seed, "master"))
    events = sorted((event for part in parts for event in part.events), key=lambda e: (e.start, e.instrument, e.pitch))
    return ProducedLoop(
        waveform=bus[0],
        bpm=float(bpm),
        bars=bars,
        key=song.key.name,
        mode=song.key.mode,
        style=style,
        events=events,
        stems=stems,
        groups=bus[1:] if grouped else None,
    )
