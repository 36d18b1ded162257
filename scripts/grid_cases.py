"""Tracks without one constant 4/4 grid, with exact truth: drift, edits, several tempi, odd meters, swing, no beat.

The script warps, cuts and joins songs of produced loops or of arranged parts, together with the times of all beats and
bars.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from arranged_tracks import arranged_track

from fourfloor.producer import render_loop

SAMPLE_RATE = 44_100
# A loop may begin so long before a stretch does.
EDGE_SECONDS = 0.03
DRIFTS = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02)
KINDS = (
    *(f"drift {100 * drift:g} %" for drift in DRIFTS),
    "edits", "stops", "two tempi", "three tempi", "four tempi", "half-time", "swing", "3/4", "6/8",
    "gated", "noise", "mix", "live", "fast drift", "odd bars", "no beat",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Song:
    """Audio (1, samples), its beats and bars in seconds, and the stretches in which they go on undisturbed."""

    kind: str
    name: str
    waveform: np.ndarray
    beats: np.ndarray
    bars: np.ndarray
    stretches: list[tuple[float, float]]

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return self.waveform.shape[1] / SAMPLE_RATE


def grid_song(kind: str, name: str, rng: np.random.Generator, seconds: float = 180.0) -> Song:
    """Return a song of one of `KINDS`."""
    if kind.startswith("drift"):
        song = _warped(_steady(rng, seconds), DRIFTS[KINDS.index(kind)], rng)
    elif kind in ("edits", "stops"):
        song = _edited(_steady(rng, 1.3 * seconds), int(rng.integers(1, 4)), kind == "stops", rng, seconds)
    elif kind.endswith("tempi"):
        parts = {"two": 2, "three": 3, "four": 4}[kind.split()[0]]
        song = _joined([_steady(rng, seconds / parts * rng.uniform(0.7, 1.3)) for _ in range(parts)])
    elif kind == "half-time":
        song = _half_time(rng, seconds)
    elif kind in ("3/4", "6/8"):
        song = _three(rng, seconds, eighths=kind == "6/8")
    elif kind == "mix":
        first, second = (_steady(rng, seconds / 2 + 10) for _ in range(2))
        song = _mixed(first, second, rng.uniform(4, 20))
    elif kind == "fast drift":
        song = _warped(_steady(rng, 75.0), DRIFTS[-1], rng)
    else:
        make = {
            "swing": _swung, "gated": _gated, "noise": _noisy, "live": _live, "odd bars": _odd, "no beat": _shuffled
        }  # fmt: skip
        song = make[kind](rng, seconds)
    return Song(
        kind=kind, name=name, waveform=song.waveform, beats=song.beats, bars=song.bars, stretches=song.stretches
    )


def _steady(rng: np.random.Generator, seconds: float) -> Song:
    """Return a song of constant tempo that begins anywhere in a bar: two in three of produced loops."""
    if rng.random() < 1 / 3:
        track = arranged_track(int(rng.integers(1 << 30)), seconds)
        return _with_grid(track.waveform, track.bpm, track.downbeat)
    bpm = round(float(rng.uniform(92, 178)), int(rng.integers(0, 3)))
    music = _sections(rng, bpm, seconds + 4)
    start = int(rng.integers(4 * SAMPLE_RATE)) if rng.random() < 0.7 else 0
    return _with_grid(music[:, start:][:, : round(seconds * SAMPLE_RATE)], bpm, -start / SAMPLE_RATE)


def _sections(rng: np.random.Generator, bpm: float, seconds: float) -> np.ndarray:
    """Return four to sixteen bars each of three loops of one style, in random order."""
    seed = int(rng.integers(1 << 30))
    style = render_loop(seed, bars=1, bpm=bpm).style
    loops = [render_loop(seed + k, style, 4, bpm).waveform.mean(axis=0) for k in range(3)]
    beat = 60.0 / bpm * SAMPLE_RATE
    music = np.zeros(round(seconds * SAMPLE_RATE) + len(loops[0]))
    first_bar = 0
    while first_bar * 4 * beat < seconds * SAMPLE_RATE:
        loop, repeats = loops[rng.integers(3)], int(rng.choice([1, 2, 4]))
        for _ in range(repeats):
            at = round(first_bar * 4 * beat)
            music[at : at + len(loop)] = loop[: max(0, len(music) - at)]
            first_bar += 4
    return music[None, : round(seconds * SAMPLE_RATE)].astype(np.float32)


def _with_grid(waveform: np.ndarray, bpm: float, downbeat: float, beats_per_bar: int = 4) -> Song:
    seconds, beat = waveform.shape[1] / SAMPLE_RATE, 60.0 / bpm
    first = int(np.ceil((-EDGE_SECONDS - downbeat) / beat))
    numbers = np.arange(first, int((seconds - downbeat) / beat) + 1)
    times = downbeat + numbers * beat
    bars = times[numbers % beats_per_bar == 0]
    return Song(kind="", name="", waveform=waveform, beats=times, bars=bars, stretches=[(0.0, seconds)])


def _warped(song: Song, drift: float, rng: np.random.Generator) -> Song:
    """Change the tempo by `drift` from end to end: all the way up or down, or there and back."""
    u = np.linspace(0, 1, 4001)
    shape = (u - 0.5, 0.5 - u, 0.5 * np.sin(2 * np.pi * u))[rng.integers(3)]
    return _played(song, 1 + drift * shape)


def _played(song: Song, speed: np.ndarray) -> Song:
    """Play a song at a speed that changes, given at equal distances from start to end."""
    total = song.seconds
    source = np.cumsum(speed)
    source = (source - source[0]) * total / (source[-1] - source[0])
    times = np.linspace(0, total, len(speed))
    at = np.interp(np.arange(song.waveform.shape[1]) / SAMPLE_RATE, times, source) * SAMPLE_RATE
    waveform = np.interp(at, np.arange(song.waveform.shape[1]), song.waveform[0])[None].astype(np.float32)
    beats, bars = (np.interp(grid, source, times) for grid in (song.beats, song.bars))
    return Song(kind="", name="", waveform=waveform, beats=beats, bars=bars, stretches=song.stretches)


def _cut(song: Song, begin: float, end: float) -> Song:
    """Return a part of a song."""
    samples = slice(round(begin * SAMPLE_RATE), round(end * SAMPLE_RATE))
    waveform = song.waveform[:, samples]
    beats, bars = (grid[(grid >= begin - EDGE_SECONDS) & (grid < end)] - begin for grid in (song.beats, song.bars))
    length = waveform.shape[1] / SAMPLE_RATE
    return Song(kind="", name="", waveform=waveform, beats=beats, bars=bars, stretches=[(0.0, length)])


def _joined(songs: list[Song]) -> Song:
    begins = np.cumsum([0.0, *(song.seconds for song in songs)])
    return Song(
        kind="", name="", waveform=np.concatenate([song.waveform for song in songs], axis=1),
        beats=np.concatenate([song.beats + begin for song, begin in zip(songs, begins, strict=False)]),
        bars=np.concatenate([song.bars + begin for song, begin in zip(songs, begins, strict=False)]),
        stretches=[
            (a + begin, b + begin) for song, begin in zip(songs, begins, strict=False) for a, b in song.stretches
        ],
    )  # fmt: skip


def _edited(song: Song, edits: int, stops: bool, rng: np.random.Generator, seconds: float) -> Song:
    """Leave out pieces of random length, or put silence of random length between."""
    edges = np.sort(rng.uniform(0.1, 0.9, edits)) * seconds
    pieces, position = [], 0.0
    for edge in [*edges, seconds]:
        if edge - position > 1:
            pieces.append(_cut(song, position, edge))
        if stops and edge < seconds:
            silence = np.zeros((1, round(rng.uniform(0.3, 6) * SAMPLE_RATE)), np.float32)
            pieces.append(Song(kind="", name="", waveform=silence, beats=np.zeros(0), bars=np.zeros(0), stretches=[]))
            position = edge
        else:
            position = edge + rng.uniform(0.1, 6)
            seconds += position - edge
    return _joined(pieces)


def _half_time(rng: np.random.Generator, seconds: float) -> Song:
    """Return sections that alternate with some at half tempo, on the same grid."""
    bpm = round(float(rng.uniform(124, 178)), int(rng.integers(0, 2)))
    full, half = _sections(rng, bpm, seconds + 60), _sections(rng, bpm / 2, seconds + 60)
    phrase = 16 * 240 / bpm
    parts = [
        (half if number % 3 == 1 else full)[:, round(number * phrase * SAMPLE_RATE) :][
            :, : round((number + 1) * phrase * SAMPLE_RATE) - round(number * phrase * SAMPLE_RATE)
        ]
        for number in range(int(seconds / phrase) + 1)
    ]
    return _with_grid(np.concatenate(parts, axis=1)[:, : round(seconds * SAMPLE_RATE)], bpm, 0.0)


def _swung(rng: np.random.Generator, seconds: float) -> Song:
    """Return an arranged track with odd sixteenths late."""
    track = arranged_track(int(rng.integers(1 << 30)), seconds, swing=float(rng.uniform(0.1, 0.33)))
    return _with_grid(track.waveform, track.bpm, track.downbeat)


def _three(rng: np.random.Generator, seconds: float, eighths: bool) -> Song:
    """Return 3/4 (every fourth beat of a song left out, or parts of twelve steps) or 6/8 (parts of twelve steps)."""
    if eighths or rng.random() < 0.5:
        track = arranged_track(int(rng.integers(1 << 30)), seconds, meter="6/8" if eighths else "3/4")
        beats_per_bar = 2 if eighths else 3
        return _with_grid(track.waveform, track.bpm, track.downbeat, beats_per_bar)
    bpm = round(float(rng.uniform(92, 178)), int(rng.integers(0, 2)))
    music, beat = _sections(rng, bpm, 1.4 * seconds), 60 / bpm * SAMPLE_RATE
    bars = int(music.shape[1] / (4 * beat))
    kept = [music[:, round(4 * k * beat) : round(4 * k * beat) + round(3 * (k + 1) * beat) - round(3 * k * beat)]
            for k in range(bars)]  # fmt: skip
    return _with_grid(np.concatenate(kept, axis=1)[:, : round(seconds * SAMPLE_RATE)], bpm, 0.0, 3)


def _gated(rng: np.random.Generator, seconds: float) -> Song:
    """Return a song of which only some sixteenths of the bar are left: sparse, syncopated, or in threes."""
    bpm = round(float(rng.uniform(92, 178)), int(rng.integers(0, 3)))
    music, step = _sections(rng, bpm, seconds), 15.0 / bpm * SAMPLE_RATE
    if rng.random() < 0.5:
        threes = np.arange(0, 16, 3) + rng.integers(0, 2)
        open_steps = np.isin(np.arange(16), threes) | (rng.random(16) < 0.1)
    else:
        open_steps = rng.random(16) < rng.uniform(0.2, 0.5)
        open_steps[0] = open_steps[rng.integers(1, 16)] = True
    at = (np.arange(music.shape[1]) / step).astype(int) % 16
    gate = np.where(open_steps[at], 1.0, 0.03).astype(np.float32)
    smooth = np.convolve(gate, np.full(88, 1 / 88, np.float32), "same")
    start = int(rng.integers(4 * SAMPLE_RATE))
    return _with_grid((music * smooth)[:, start:], bpm, -start / SAMPLE_RATE)


def _noisy(rng: np.random.Generator, seconds: float) -> Song:
    """Return noise that swells for 5 to 40 s, then a song under noise that is nearly as loud."""
    song, lead = _steady(rng, seconds), float(rng.uniform(5, 40))
    size = float(song.waveform.std())
    swell = rng.standard_normal((1, round(lead * SAMPLE_RATE))) * np.linspace(0.05, 1.5, round(lead * SAMPLE_RATE))
    intro = Song(
        kind="", name="", waveform=(size * swell).astype(np.float32), beats=np.zeros(0), bars=np.zeros(0), stretches=[]
    )
    noise = size * rng.uniform(0.1, 0.8) * rng.standard_normal(song.waveform.shape)
    return _joined([intro, replace(song, waveform=(song.waveform + noise).astype(np.float32))])


def _mixed(first: Song, second: Song, overlap: float) -> Song:
    """Fade from one song to another of another tempo, as a DJ does who does not match beats."""
    shared = round(overlap * SAMPLE_RATE)
    fade = np.sqrt(np.linspace(0, 1, shared, dtype=np.float32))
    both = first.waveform[:, -shared:] * fade[::-1] + second.waveform[:, :shared] * fade
    before, after = _cut(first, 0.0, first.seconds - overlap), _cut(second, overlap, second.seconds)
    middle = Song(kind="", name="", waveform=both, beats=np.zeros(0), bars=np.zeros(0), stretches=[])
    return _joined([before, middle, after])


def _live(rng: np.random.Generator, seconds: float) -> Song:
    """Return a song whose tempo wanders as a band's does: by 0.5 to 2 % and back within 4 to 15 s."""
    points = int(seconds / rng.uniform(2, 7)) + 2
    speed = 1 + rng.uniform(0.003, 0.012) * rng.standard_normal(points)
    return _played(_steady(rng, seconds), np.interp(np.linspace(0, points - 1, 4001), np.arange(points), speed))


def _odd(rng: np.random.Generator, seconds: float) -> Song:
    """Return bars of 5/4, 7/8 or 9/8 cut from bars of four beats; none of it makes loops of 4/4."""
    bpm, eighths = round(float(rng.uniform(92, 178)), 1), int(rng.choice([7, 9, 10]))
    music, eighth = _sections(rng, bpm, 1.6 * seconds), 30 / bpm * SAMPLE_RATE
    source = 8 if eighths == 7 else 16
    cuts = range(int(music.shape[1] / (source * eighth)))
    kept = [music[:, round(source * k * eighth) :][:, : round(eighths * (k + 1) * eighth) - round(eighths * k * eighth)]
            for k in cuts]  # fmt: skip
    music = np.concatenate(kept, axis=1)[:, : round(seconds * SAMPLE_RATE)]
    starts = np.arange(0, music.shape[1] / SAMPLE_RATE, eighths * 30 / bpm)
    beats = (starts[:, None] + np.arange((eighths + 1) // 2) * 60 / bpm).ravel()
    return Song(kind="", name="", waveform=music, beats=beats, bars=starts, stretches=[])


def _shuffled(rng: np.random.Generator, seconds: float) -> Song:
    """Return pieces of random length of a song, in random order: onsets without a beat."""
    music = _steady(rng, 60.0).waveform
    lengths = rng.uniform(0.15, 1.2, int(seconds / 0.675))
    pieces = [
        music[:, start : start + round(length * SAMPLE_RATE)]
        for start, length in zip(rng.integers(0, music.shape[1] - 60_000, len(lengths)), lengths, strict=True)
    ]
    return Song(
        kind="", name="", waveform=np.concatenate(pieces, axis=1), beats=np.zeros(0), bars=np.zeros(0), stretches=[]
    )
