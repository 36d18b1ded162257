"""Onsets of a track -> where to cut it: on one tempo, in pieces, as whole bars, or nowhere; and how sure that is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from fourfloor.ingestion import picking
from fourfloor.ingestion.certainty import certainty, evidence
from fourfloor.ingestion.exact import starts_at_zero, whole_bars
from fourfloor.ingestion.meter import measure_meter
from fourfloor.ingestion.onsets import Onsets
from fourfloor.ingestion.pieces import Piece, find_pieces
from fourfloor.ingestion.slicing import (
    NEAR_SECONDS,
    Cuts,
    no_cuts,
    piece_cuts,
    piece_numbers,
    plan_cuts,
    round_tempo,
    whole_cuts,
)
from fourfloor.ingestion.steadiness import grid_bars, is_steady, loops_hold, sounding
from fourfloor.ingestion.tempo import Grid, fit_grid, octave_factor
from fourfloor.ingestion.tracking import bar_profiles


@dataclass(frozen=True, kw_only=True)
class Request:
    """Say what loops are asked for; a given `bpm` is trusted, pieces below `min_confidence` are left out."""

    bars: int
    hop_bars: int
    bpm: float | None
    sample_rate: int
    bpm_range: tuple[float, float]
    min_confidence: float


@dataclass(kw_only=True)
class Layout:
    """Say where a track is cut; `first_downbeat` in seconds, `dropped` counts the loops lost to its tempo.

    One row a loop: confidences (loops,), and the evidence (loops, 4) that they were computed from.
    """

    bpm: float
    confidence: float
    cuts: Cuts
    first_downbeat: float = 0.0
    meter: str = "4/4"
    drift_ms: float = 0.0
    grid: str = "steady"
    repairs: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    confidences: np.ndarray = field(default_factory=lambda: np.zeros(0))
    evidence: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))


def lay_out(onsets: Onsets, samples: int, claims: list[float], request: Request) -> Layout:
    """Find the grid of a track of so many samples, of which the onsets may be the first part only."""
    grid = fit_grid(onsets, request.bpm)
    repairs = []
    if (factor := octave_factor(grid.bpm, request.bpm_range)) != 1.0:
        repairs.append(f"{grid.bpm:.4g} BPM, counted as {factor * grid.bpm:.4g}")
        grid = replace(fit_grid(onsets, factor * grid.bpm), confidence=grid.confidence)
    profiles = grid_bars(onsets, grid)
    faster = 1.5 * grid.bpm
    if request.bpm is None and measure_meter(sounding(profiles)).even and faster <= request.bpm_range[1]:
        grid = replace(fit_grid(onsets, faster), confidence=grid.confidence)
        profiles = grid_bars(onsets, grid)
    playing = sounding(profiles)
    mostly_silent = 2 * len(playing) < len(profiles)  # the tempo of all of it is then worse than that of its pieces
    if not mostly_silent and is_steady(playing, grid.bpm):
        rhythm = measure_meter(playing)
        layout = _steady(grid, samples, claims, request)
        sure = certainty(grid, playing, rhythm.triplets) if request.bpm is None else 1.0
        layout.meter, layout.confidence = rhythm.name, round(sure, 4)
        layout.confidences = np.full(len(layout.cuts), sure)
        layout.evidence = np.tile(evidence(grid, playing), (len(layout.cuts), 1))
        bars = layout.cuts.starts_samples / request.sample_rate * grid.bpm / 240.0
        first = grid.first_downbeat * grid.bpm / 240.0
        bars = np.round(bars - first).astype(int) + int(np.ceil(first))
        _keep(layout, loops_hold(profiles, grid.bpm, bars, request.bars))
    else:
        layout = _in_pieces(onsets, grid, samples / request.sample_rate, request)
        silent = int((len(profiles) - len(playing)) / request.hop_bars)
        if silent := min(silent, layout.dropped[picking.TEMPO_CHANGES]):
            layout.dropped += Counter({picking.SILENCE: silent})
            layout.dropped -= Counter({picking.TEMPO_CHANGES: silent})
    layout.repairs = repairs
    return layout


def _steady(grid: Grid, samples: int, claims: list[float], request: Request) -> Layout:
    """Cut a track of one tempo: at exact multiples of the bar where it is whole bars and begins on a bar line."""
    seconds = samples / request.sample_rate
    measured = request.bpm or round_tempo(grid.bpm, seconds)
    for bpm in [*claims, measured]:
        bars = whole_bars(samples, request.sample_rate, bpm)
        if bars and abs(bpm / grid.bpm - 1) < NEAR_SECONDS / seconds and starts_at_zero(grid):
            cuts = whole_cuts(bpm, bars, request.sample_rate, request.bars, request.hop_bars)
            return Layout(bpm=bpm, confidence=grid.confidence, cuts=cuts, grid="exact")
    cuts = plan_cuts(grid, measured, seconds, request.sample_rate, request.bars, request.hop_bars)
    first = round(grid.first_downbeat, 5)
    return Layout(bpm=measured, confidence=grid.confidence, cuts=cuts, first_downbeat=first)


def _in_pieces(onsets: Onsets, grid: Grid, seconds: float, request: Request) -> Layout:
    """Cut a track whose tempo does not hold; count as dropped what lies in no piece, or in a doubtful one."""
    found = find_pieces(onsets, request.bpm, request.bpm_range)
    meter = max(found, key=lambda piece: piece.seconds).meter if found else "4/4"
    pieces = [piece for piece in found if piece.meter == meter and piece.confidence >= request.min_confidence]
    cuts = piece_cuts(pieces, request.sample_rate, request.bars, request.hop_bars) if pieces else no_cuts()
    if not len(cuts):
        reason = picking.UNSURE if found and not pieces else picking.TEMPO_CHANGES
        sure = min([grid.confidence, *(piece.confidence for piece in found)])
        lost = max(1, int(seconds * grid.bpm / (240.0 * request.hop_bars)))
        return Layout(
            bpm=grid.bpm, confidence=round(sure, 4), cuts=cuts, meter=meter, grid="broken",
            dropped=Counter({reason: lost}),
        )  # fmt: skip
    longest = max(pieces, key=lambda piece: piece.seconds)
    covered = sum(piece.seconds for piece in pieces)
    lost = int((seconds - covered) * longest.bpm / (240.0 * request.hop_bars))
    which = piece_numbers(cuts)
    layout = Layout(
        bpm=round_tempo(longest.bpm, longest.seconds),
        confidence=round(sum(piece.confidence * piece.seconds for piece in pieces) / covered, 4),
        cuts=cuts,
        first_downbeat=round(float(cuts.starts_samples[0]) / request.sample_rate, 5),
        meter=meter,
        drift_ms=round(1000 * max(piece.drift_seconds for piece in pieces), 1),
        grid="pieces",
        dropped=Counter({picking.TEMPO_CHANGES: lost} if lost else {}),
        confidences=np.array([piece.confidence for piece in pieces])[which],
        evidence=np.stack([piece.evidence for piece in pieces])[which],
    )
    starts = cuts.starts_samples / request.sample_rate
    held = [_piece_holds(onsets, piece, starts[which == number], request.bars) for number, piece in enumerate(pieces)]
    _keep(layout, np.concatenate(held))
    return layout


def _piece_holds(onsets: Onsets, piece: Piece, starts_seconds: np.ndarray, bars: int) -> np.ndarray:
    """Return for each loop of a piece, in order, whether its beats hold."""
    if not len(starts_seconds):
        return np.zeros(0, bool)
    numbers = np.round(piece.beat_map.beat(starts_seconds) / 4).astype(int)
    count = int(numbers[-1] - numbers[0]) + bars
    flux, first = onsets.standardized(), 4.0 * numbers[0]
    profiles = bar_profiles(flux, onsets.frame_rate, piece.beat_map, first, count)
    return loops_hold(profiles, piece.bpm, numbers - numbers[0], bars)


def _keep(layout: Layout, held: np.ndarray) -> None:
    """Keep the loops in which the beats hold (loops,), and count the others as dropped."""
    if lost := int((~held).sum()):
        layout.dropped[picking.TEMPO_CHANGES] += lost
    layout.cuts = layout.cuts.only(held)
    layout.confidences, layout.evidence = layout.confidences[held], layout.evidence[held]
