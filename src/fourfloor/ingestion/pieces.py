"""Onsets of a track -> the pieces of it in which beats go on undisturbed, each with a map from beats to time.

One tempo that holds for the whole track gives one piece; drift gives one with a bent map; edits, stops and changes of
tempo give several, and what lies between them belongs to none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import scipy.ndimage

from fourfloor.ingestion.borders import apart, beat_gains, settle
from fourfloor.ingestion.certainty import certainty, evidence
from fourfloor.ingestion.meter import measure_meter
from fourfloor.ingestion.onsets import Onsets
from fourfloor.ingestion.steadiness import SMOOTH_BARS, STEADY_SECONDS, smooth_lateness
from fourfloor.ingestion.tempo import fit_grid, fit_tempo, octave_factor
from fourfloor.ingestion.tracking import (
    ELSEWHERE,
    MATCH,
    BeatMap,
    Place,
    bar_profiles,
    constant_map,
    follow,
    in_step,
    lateness,
)

_SEED_SECONDS = 16.0
_LEAST_SECONDS = 8.0
_LEAST_CONFIDENCE = 0.3
_MOST_SEEDS = 24
_ROUNDS = 2
_LEAST_BARS = 2
_JUMP_BARS = 4
_JUMP_SECONDS = 0.012


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch from `begin` to `end` (seconds) with its beats, four to a bar; beat 0 of the map is a downbeat.

    `evidence` is what its confidence was computed from (`certainty`).
    """

    begin: float
    end: float
    beat_map: BeatMap
    confidence: float
    meter: str = "4/4"
    evidence: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def seconds(self) -> float:
        """Length of the piece."""
        return self.end - self.begin

    @property
    def bpm(self) -> float:
        """Mean tempo."""
        first, last = self.beat_map.beat(np.array([self.begin, self.end]))
        return float(60.0 * (last - first) / self.seconds)

    @property
    def drift_seconds(self) -> float:
        """Return how far the beats lie at most from those of one tempo."""
        times, beats = self.beat_map.times, self.beat_map.beats
        return float(np.abs(times - np.polyval(np.polyfit(beats, times, 1), beats)).max())

    def straight(self) -> Piece:
        """Return the piece with one tempo where its beats are as near to that as can be measured."""
        if self.drift_seconds > STEADY_SECONDS:
            return self
        period, time = np.polyfit(self.beat_map.beats, self.beat_map.times, 1)
        return replace(self, beat_map=constant_map(60.0 / period, time))


def find_pieces(onsets: Onsets, bpm: float | None, bpm_range: tuple[float, float]) -> list[Piece]:
    """Find the pieces of a track that is not steady, in order of time; a given bpm is trusted."""
    pieces: list[Piece] = []
    for _ in range(_ROUNDS):
        grown = _grown_pieces(onsets, pieces, bpm)
        if not grown:
            break
        pieces = _settled(onsets, pieces + grown)
    pieces = sorted((piece.straight() for piece in pieces), key=lambda piece: piece.begin)
    grounds = apart(onsets, [(piece.beat_map, piece.begin, piece.end) for piece in pieces])
    return [
        _on_bars(onsets, replace(piece, begin=begin, end=end), bpm_range)
        for piece, (_, begin, end) in zip(pieces, grounds, strict=True)
        if end - begin >= _LEAST_BARS * 240.0 / piece.bpm
    ]


def _grown_pieces(onsets: Onsets, before: list[Piece], bpm: float | None) -> list[Piece]:
    """Find pieces in what others have left free."""
    flux = onsets.standardized()
    free = [(0.0, onsets.seconds)]
    for piece in before:
        free = _without(free, piece.begin, piece.end)
    pieces: list[Piece] = []
    seeds = _seeds(flux, onsets.frame_rate, free, bpm)
    for _ in range(_MOST_SEEDS):
        if not seeds:
            break
        confidence, begin, end, tempo = seeds.pop(0)
        limits = next(((a, b) for a, b in free if a <= begin + 0.1 and end - 0.1 <= b), None)
        if limits is None:
            continue
        grown = _grown(flux, onsets.frame_rate, tempo, confidence, (begin, end), limits)
        if grown is None:
            continue
        pieces.append(grown)
        free = _without(free, grown.begin, grown.end)
        if not any(a <= seed[1] + 0.1 and seed[2] - 0.1 <= b for seed in seeds for a, b in free):
            seeds = _seeds(flux, onsets.frame_rate, free, bpm)
    return pieces


def _settled(onsets: Onsets, pieces: list[Piece]) -> list[Piece]:
    """Let pieces compete for every beat, and leave off a beat where one ends within the track."""
    maps = [(piece.beat_map, piece.begin, piece.end) for piece in pieces]
    settled = []
    for piece, runs in zip(pieces, settle(onsets.standardized(), onsets.frame_rate, maps, onsets.seconds), strict=True):
        for begin, end in runs:
            low, high = piece.beat_map.beat(np.array([begin, end]))
            inner = piece.beat_map.at(np.array([np.round(low) + 1, np.round(high) - 1]))
            bar = 240.0 / piece.bpm
            left = 0.0 if begin < bar and piece.begin <= 0 else float(inner[0])
            right = onsets.seconds if end > onsets.seconds - bar and piece.end >= onsets.seconds else float(inner[1])
            if right - left >= 2 * bar:
                settled.append(replace(piece, begin=left, end=right))
    return settled


def _seeds(
    flux: np.ndarray, frame_rate: float, free: list[tuple[float, float]], bpm: float | None
) -> list[tuple[float, float, float, float]]:
    """Return (confidence, begin, end, tempo) of short stretches, the surest first."""
    found = []
    for begin, end in free:
        if end - begin < _LEAST_SECONDS:
            continue
        count = max(1, int(np.ceil((end - begin) / (_SEED_SECONDS / 2))) - 1)
        for start in np.linspace(begin, max(begin, end - _SEED_SECONDS), count):
            stop = min(end, start + _SEED_SECONDS)
            stretch = flux[:, int(start * frame_rate) : int(stop * frame_rate)]
            tempo, confidence = fit_tempo(stretch, frame_rate)
            if confidence >= _LEAST_CONFIDENCE:
                found.append((confidence, float(start), float(stop), bpm or tempo))
    return sorted(found, reverse=True)


def _without(free: list[tuple[float, float]], begin: float, end: float) -> list[tuple[float, float]]:
    left = [part for a, b in free for part in ((a, min(b, begin)), (max(a, end), b))]
    return [(a, b) for a, b in left if b - a > 1.0]


def _grown(
    flux: np.ndarray,
    frame_rate: float,
    bpm: float,
    confidence: float,
    seed: tuple[float, float],
    limits: tuple[float, float],
) -> Piece | None:
    """Follow the pattern of a seed to both sides, refine the map, and find where it ends."""
    period = 60.0 / bpm
    bars = int((seed[1] - seed[0]) / (4 * period))
    if bars < _LEAST_BARS:
        return None
    profiles = bar_profiles(flux, frame_rate, constant_map(bpm, seed[0]), 0.0, bars)
    if not _of_one_grid(profiles):
        return None
    pattern = profiles.mean(axis=0)
    middle = 4.0 * (bars // 2)
    place = Place(beat=middle, time=seed[0] + middle * period, period=period)
    points = dict(
        follow(flux, frame_rate, pattern, place, -1, limits) + follow(flux, frame_rate, pattern, place, 1, limits)
    )
    if len(points) < 2:
        return None
    beats = np.array(sorted(points))
    beat_map = BeatMap(times=np.array([points[beat] for beat in beats]), beats=beats)
    first, last = beats[0] - 4, beats[-1] + 4
    for _ in range(2):
        beat_map = _refined(flux, frame_rate, beat_map, first, last)
        first, last = _unbroken(beat_map, middle, first, last)
        if last - first < 4 * _LEAST_BARS:
            return None
    pattern = bar_profiles(flux, frame_rate, beat_map, first, int((last - first) / 4)).mean(axis=0)
    begin, end = _ends(flux, frame_rate, beat_map, pattern, (first, last), middle, limits)
    if end - begin < 4 * period:
        return None
    inside = (beat_map.beats > first) & (beat_map.beats < last)
    if inside.sum() >= 2:
        beat_map = BeatMap(times=beat_map.times[inside], beats=beat_map.beats[inside])
    return Piece(begin=begin, end=end, beat_map=beat_map, confidence=confidence)


def _of_one_grid(profiles: np.ndarray) -> bool:
    """Return whether the second half of some bars does not fit the first better elsewhere: an edit lies between."""
    half = len(profiles) // 2
    _, match, elsewhere = lateness(profiles[half:].mean(axis=0, keepdims=True), profiles[:half].mean(axis=0))
    return bool(elsewhere[0] < MATCH or match[0] >= elsewhere[0] - ELSEWHERE)


def _unbroken(beat_map: BeatMap, middle: float, first: float, last: float) -> tuple[float, float]:
    """Return the beats around a middle one between which no bar jumps: where lines before and after it do not meet."""
    times, beats, reach = beat_map.times, beat_map.beats, _JUMP_BARS
    for index in range(reach, len(beats) - reach):
        before = np.polyfit(beats[index - reach : index] - beats[index], times[index - reach : index], 1)[1]
        after = np.polyfit(
            beats[index + 1 : index + 1 + reach] - beats[index], times[index + 1 : index + 1 + reach], 1
        )[1]
        if abs(after - before) > _JUMP_SECONDS:
            if beats[index] <= middle:
                first = max(first, beats[index] + 2)
            elif beats[index] - 2 < last:
                last = min(last, beats[index] - 2)
    return first, last


def _refined(flux: np.ndarray, frame_rate: float, beat_map: BeatMap, first: float, last: float) -> BeatMap:
    """Move every bar by what it comes late against the average of all bars."""
    bars = int((last - first) / 4)
    late, match, elsewhere = smooth_lateness(bar_profiles(flux, frame_rate, beat_map, first, bars))
    sound = in_step(late, match, elsewhere)
    centers = first + 4.0 * np.arange(bars) + 2.0
    if sound.sum() < 2:
        return beat_map
    late = np.interp(centers, centers[sound], late[sound])
    late = scipy.ndimage.uniform_filter1d(late, min(SMOOTH_BARS - 1, bars), mode="nearest")
    periods = np.diff(beat_map.at(np.stack([centers - 0.5, centers + 0.5])), axis=0)[0]
    return BeatMap(times=beat_map.at(centers) + late * periods, beats=centers)


def _ends(
    flux: np.ndarray,
    frame_rate: float,
    beat_map: BeatMap,
    pattern: np.ndarray,
    reached: tuple[float, float],
    middle: float,
    limits: tuple[float, float],
) -> tuple[float, float]:
    """Return the times between which beats match the pattern's, around a middle beat.

    Every beat adds what it correlates with the pattern's beat beyond chance; the sum is highest where the pattern ends.
    A beat is left off on either side, unless the track begins or ends there.
    """
    low, high = beat_map.beat(np.array(limits))
    first = 4 * int(np.ceil((max(low, reached[0] - 12) - 0.05) / 4))
    bars = int((min(high, reached[1] + 12) + 0.05 - first) // 4)
    match = beat_gains(flux, frame_rate, beat_map, pattern, first, bars)
    gain = np.concatenate([[0.0], np.cumsum(match)])
    inner = int(np.clip(middle - first, 0, len(match)))
    begin = first + int(np.argmin(gain[: inner + 1]))
    end = first + inner + int(np.argmax(gain[inner:]))
    begin_time, end_time = beat_map.at(np.array([begin + 1, end - 1], float))
    bar = 4 * np.diff(beat_map.at(np.array([first, first + 1.0])))[0]
    if limits[0] <= 0 and begin == first and begin_time < 2 * bar:
        begin_time = 0.0
    if limits[1] >= flux.shape[1] / frame_rate and end == first + len(match) and limits[1] - end_time < 2 * bar:
        end_time = limits[1]
    return float(begin_time), float(end_time)


def _on_bars(onsets: Onsets, piece: Piece, bpm_range: tuple[float, float], faster: bool = False) -> Piece:
    """Find the downbeats of a piece on its straightened onsets, and count its beats from one of them."""
    factor = octave_factor(piece.bpm, bpm_range)
    piece = replace(piece, beat_map=BeatMap(times=piece.beat_map.times, beats=piece.beat_map.beats * factor))
    first, last = piece.beat_map.beat(np.array([piece.begin, piece.end]))
    bpm = piece.bpm
    seconds = 60.0 / bpm * (last - first)

    def straightened(values: np.ndarray, rate: float) -> np.ndarray:
        times = piece.beat_map.at(first + np.arange(int(seconds * rate)) / rate * bpm / 60.0)
        return np.stack([np.interp(times * rate, np.arange(len(row)), row) for row in values])

    straight = Onsets(
        flux=straightened(onsets.flux, onsets.frame_rate), frame_rate=onsets.frame_rate,
        pitches=straightened(onsets.pitches, onsets.pitch_rate), pitch_rate=onsets.pitch_rate,
    )  # fmt: skip
    grid = replace(fit_grid(straight, bpm), confidence=piece.confidence)
    downbeat = first + grid.first_downbeat * bpm / 60.0
    beat_map = BeatMap(times=piece.beat_map.times, beats=piece.beat_map.beats - downbeat)
    begin, end = beat_map.beat(np.array([piece.begin, piece.end]))
    first_bar = 4.0 * np.ceil(begin / 4)
    bars = max(1, int((end - first_bar) / 4))
    profiles = bar_profiles(onsets.standardized(), onsets.frame_rate, beat_map, first_bar, bars)
    meter = measure_meter(profiles)
    if meter.even and not faster and bpm_range[1] >= 1.5 * bpm:
        scaled = BeatMap(times=piece.beat_map.times, beats=piece.beat_map.beats * 1.5)
        return _on_bars(onsets, replace(piece, beat_map=scaled), bpm_range, faster=True)
    sure = certainty(grid, profiles, meter.triplets)
    return replace(piece, beat_map=beat_map, meter=meter.name, confidence=sure, evidence=evidence(grid, profiles))
