"""Tracks whose grid does not hold, with exact truth: drift, edits, several tempi, half-time breaks, 3/4, 6/8, swing.

Songs of produced loops or of arranged parts are warped, cut and joined; the times of all beats and bars go along.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from arranged_tracks import arranged_track

from fourfloor.producer import render_loop

SAMPLE_RATE = 44_100
DRIFTS = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02)
KINDS = (
    *(f"drift {100 * drift:g} %" for drift in DRIFTS),
    "edits", "stops", "two tempi", "three tempi", "four tempi", "half-time", "swing", "3/4", "6/8",
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


def grid_songs(kind: str, count: int, seed: int, seconds: float = 180.0) -> Iterator[Song]:
    """Yield songs of one of `KINDS`; equal arguments give equal songs."""
    for number in range(count):
        rng = np.random.default_rng([seed, KINDS.index(kind), number])
        yield _song(kind, f"{kind}, seed {seed}.{number}", rng, seconds)


def _song(kind: str, name: str, rng: np.random.Generator, seconds: float) -> Song:
    if kind.startswith("drift"):
        song = _warped(_steady(rng, seconds), DRIFTS[KINDS.index(kind)], rng)
    elif kind in ("edits", "stops"):
        song = _edited(_steady(rng, 1.3 * seconds), int(rng.integers(1, 4)), kind == "stops", rng, seconds)
    elif kind.endswith("tempi"):
        parts = {"two": 2, "three": 3, "four": 4}[kind.split()[0]]
        song = _joined([_steady(rng, seconds / parts * rng.uniform(0.7, 1.3)) for _ in range(parts)])
    elif kind == "half-time":
        song = _half_time(rng, seconds)
    elif kind == "swing":
        song = _swung(rng, seconds)
    else:
        song = _three(rng, seconds, eighths=kind == "6/8")
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
    first = int(np.ceil(-downbeat / beat - 1e-9))
    numbers = np.arange(first, int((seconds - downbeat) / beat) + 1)
    times = downbeat + numbers * beat
    bars = times[numbers % beats_per_bar == 0]
    return Song(kind="", name="", waveform=waveform, beats=times, bars=bars, stretches=[(0.0, seconds)])


def _warped(song: Song, drift: float, rng: np.random.Generator) -> Song:
    """Change the tempo by `drift` from end to end: all the way up or down, or there and back."""
    total = song.seconds
    u = np.linspace(0, 1, 4001)
    shape = (u - 0.5, 0.5 - u, 0.5 * np.sin(2 * np.pi * u))[rng.integers(3)]
    source = np.cumsum(1 + drift * shape)
    source = (source - source[0]) * total / (source[-1] - source[0])
    times = u * total
    at = np.interp(np.arange(song.waveform.shape[1]) / SAMPLE_RATE, times, source) * SAMPLE_RATE
    waveform = np.interp(at, np.arange(song.waveform.shape[1]), song.waveform[0])[None].astype(np.float32)
    beats, bars = (np.interp(grid, source, times) for grid in (song.beats, song.bars))
    return Song(kind="", name="", waveform=waveform, beats=beats, bars=bars, stretches=song.stretches)


def _cut(song: Song, begin: float, end: float) -> Song:
    """Return a part of a song."""
    samples = slice(round(begin * SAMPLE_RATE), round(end * SAMPLE_RATE))
    waveform = song.waveform[:, samples]
    beats, bars = (grid[(grid >= begin - 1e-6) & (grid < end)] - begin for grid in (song.beats, song.bars))
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
