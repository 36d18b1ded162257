"""One track -> its grid, and the loops that are sound in themselves.

Two streaming passes, so that memory does not grow with a long track: the first measures onsets and level, the second
cuts and judges. Loops and features go to part files, int16 and float16; what the comparison with other tracks needs is
returned.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fourfloor.audio import AudioError, AudioInfo, AudioStream, probe
from fourfloor.ingestion import picking
from fourfloor.ingestion.catalogue import hash_file, loop_features
from fourfloor.ingestion.exact import CIRCLE_SECONDS, claimed_tempi, find_circle, length_tempo
from fourfloor.ingestion.holding import Held
from fourfloor.ingestion.layout import Request, lay_out
from fourfloor.ingestion.onsets import analyze_onsets
from fourfloor.ingestion.schema import to_pcm, to_waveform
from fourfloor.ingestion.slicing import Cuts, circle_loops, cut_loops, whole_cuts
from fourfloor.ingestion.tempo import octave_factor
from fourfloor.saving import temporary_name
from fourfloor.signal.beatgrid import BEATS_PER_BAR, loop_samples
from fourfloor.signal.stft import resample_loop


@dataclass(frozen=True, kw_only=True)
class Task(Request):
    """Say what to do with one track, in numbers that another process can be handed."""

    path: Path
    part: Path
    channels: int
    thresholds: picking.Thresholds

    @property
    def audio_part(self) -> Path:
        """File of int16 loops, back to back."""
        return self.part.with_suffix(".i16")

    @property
    def features_part(self) -> Path:
        """File of float16 features, in the order of the loops."""
        return self.part.with_suffix(".f16")


@dataclass(kw_only=True)
class TrackAnalysis:
    """Hold what was found in a track; the arrays have one row a loop that is sound, `outline` four a beat.

    `error` says why nothing could be read; else every loop on the grid is in the part files or counted in `dropped`.
    """

    sha256: str = ""
    error: str = ""
    seconds: float = 0.0
    sample_rate: int = 0  # of the file
    lossless: bool = False
    bpm: float = 0.0
    confidence: float = 0.0
    first_downbeat: float = 0.0
    meter: str = "4/4"
    drift_ms: float = 0.0
    grid: str = "steady"
    gain_db: float = 0.0
    repairs: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    starts_seconds: list[float] = field(default_factory=list)
    loop_bpms: list[float] = field(default_factory=list)
    bar_numbers: list[int] = field(default_factory=list)
    fingerprints: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float16))
    outline: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float16))


def analyze_track(task: Task) -> TrackAnalysis:
    """Analyze one track; what is wrong with the file becomes `error`, what is wrong with the disk is raised."""
    found = TrackAnalysis()
    try:
        info = probe(task.path)
        found.sample_rate, found.lossless = info.sample_rate, info.lossless
        found.sha256 = _hash(task.path)
        claims = claimed_tempi(task.path, task.bpm)
        if not (0 < info.seconds <= CIRCLE_SECONDS and _analyze_circle(task, info, claims, found)):
            _analyze_stream(task, claims, found)
    except AudioError as error:
        found.error = error.reason
    except MemoryError:
        found.error = "needs more memory than there is; split it into shorter files"
    return found


def _hash(path: Path) -> str:
    try:
        return hash_file(path)
    except OSError as error:
        raise AudioError(path, f"cannot be read ({error.strerror}); check the file and its disk") from None


def _analyze_circle(task: Task, info: AudioInfo, claims: list[float], found: TrackAnalysis) -> bool:
    """Cut a short file that is whole bars, read at its own rate; False where it is not such a file."""
    read = _read_short(task, info.sample_rate)
    if read is None:
        return False
    stream, waveform = read
    circle = find_circle(waveform, info.sample_rate, claims, task.bpm is not None) if waveform.shape[1] else None
    factor = octave_factor(circle.bpm, task.bpm_range) if circle else 1.0
    if circle is None or circle.bars * factor % 1:
        return False
    bpm, bars = circle.bpm * factor, round(circle.bars * factor)
    if loop_samples(bpm, bars, info.sample_rate) != waveform.shape[1]:
        bpm = length_tempo(waveform.shape[1], bars, info.sample_rate)
    if info.sample_rate != task.sample_rate:
        waveform = resample_loop(waveform, loop_samples(bpm, bars, task.sample_rate))
    if factor != 1.0:
        stream.repairs.append(f"{circle.bpm:g} BPM, counted as {bpm:g}")
    if bars < task.bars and task.bars % bars == 0:
        stream.repairs.append(f"{bars} {'bar' if bars == 1 else 'bars'}, repeated to {task.bars}")
        bpm = length_tempo(waveform.shape[1] * task.bars // bars, task.bars, task.sample_rate)
        bars = task.bars
    meter = picking.LevelMeter([waveform], task.sample_rate)
    for _ in meter:
        pass
    _note(found, meter, stream, task)
    found.grid, found.bpm, found.confidence = "exact", bpm, round(circle.confidence, 4)
    cuts = whole_cuts(bpm, bars, task.sample_rate, task.bars, task.hop_bars)
    if _worth_cutting(cuts, task, found):
        _collect(task, circle_loops(waveform, cuts), cuts, found)
    return True


def _read_short(task: Task, rate: int, right_inverted: bool = False) -> tuple[AudioStream, np.ndarray] | None:
    """Read a file that claims to be short; None where it goes on, as a header may claim less than there is."""
    stream = AudioStream(task.path, rate, task.channels, right_inverted=right_inverted)
    blocks = [np.zeros((task.channels, 0), np.float32)]
    for block in stream:
        blocks.append(block)
        if sum(part.shape[1] for part in blocks) > CIRCLE_SECONDS * rate:
            return None
    if stream.cancels and not right_inverted:
        return _read_short(task, rate, right_inverted=True)
    return stream, np.concatenate(blocks, axis=1)


def _analyze_stream(task: Task, claims: list[float], found: TrackAnalysis, right_inverted: bool = False) -> None:
    """Measure tempo and level in a first pass, cut in a second; begin again where the channels cancel in mono."""
    stream = AudioStream(task.path, task.sample_rate, task.channels, right_inverted=right_inverted)
    held = Held(stream)
    meter = picking.LevelMeter(held, task.sample_rate)
    blocks = iter(meter)
    first = next(blocks, None)
    if first is None:  # a few samples, of which resampling left none
        found.dropped[picking.TOO_SHORT] = 1
        return
    onsets = analyze_onsets(itertools.chain([first], blocks), task.sample_rate)
    for _ in blocks:  # the tempo needs only the first minutes; errors and peaks may come at the end
        pass
    if stream.cancels and not right_inverted:  # tempo, level and features are measured in mono
        _analyze_stream(task, claims, found, right_inverted=True)
        return
    if meter.is_silent(task.thresholds):
        _note(found, meter, stream, task)
        found.dropped[picking.SILENCE] = 1
        return
    layout = lay_out(onsets, meter.samples, claims, task)
    stream.repairs.extend(layout.repairs)
    _note(found, meter, stream, task)
    found.bpm, found.confidence, found.first_downbeat = layout.bpm, layout.confidence, layout.first_downbeat
    found.meter, found.drift_ms, found.grid = layout.meter, layout.drift_ms, layout.grid
    found.dropped.update(layout.dropped)
    if layout.grid != "broken" and _worth_cutting(layout.cuts, task, found):
        _collect(task, cut_loops(held, layout.cuts), layout.cuts, found)


def _note(found: TrackAnalysis, meter: picking.LevelMeter, stream: AudioStream, task: Task) -> None:
    """Fill in what is known when all samples have been read."""
    found.seconds = meter.samples / task.sample_rate
    found.repairs = list(stream.repairs)
    found.gain_db = meter.gain_db(task.thresholds)


def _worth_cutting(cuts: Cuts, task: Task, found: TrackAnalysis) -> bool:
    """Return whether there are loops to cut; count them as dropped where the track's tempo forbids it."""
    if not len(cuts):
        found.dropped = found.dropped or Counter({picking.TOO_SHORT: 1})
    elif found.confidence < task.min_confidence:
        found.dropped[picking.UNSURE] = len(cuts)
    elif found.meter != "4/4":
        found.dropped[picking.NOT_FOUR], found.grid = len(cuts), "broken"
    elif not task.bpm_range[0] <= found.bpm <= task.bpm_range[1]:
        found.dropped[picking.TEMPO_OUTSIDE] = len(cuts)
    else:
        return True
    return False


def _collect(task: Task, loops: Iterator[np.ndarray], cuts: Cuts, found: TrackAnalysis) -> None:
    """Level and judge the loops that are cut, and write the sound ones to the part files."""
    gain = np.float32(10 ** (found.gain_db / 20))
    steps = task.hop_bars * BEATS_PER_BAR * 4
    outlines: list[np.ndarray | None] = []
    marks = np.zeros((0, 0), np.float16)
    kept = 0
    with _part_files(task) as (audio, features_file):
        rows = zip(loops, cuts.starts_samples, cuts.bpms, cuts.bar_numbers, strict=True)
        for waveform, start, bpm, bar_number in rows:
            outlines.append(None)
            if reason := picking.fault(waveform, task.sample_rate, task.thresholds, found.gain_db):
                found.dropped[reason] += 1
                continue
            pcm = to_pcm(np.clip(waveform * gain, -1, 1))
            features = loop_features(to_waveform(pcm), float(bpm), task.bars)
            outlined = picking.outline(features)
            outlines[-1] = picking.quarter_beats(outlined)[:steps]
            mark = picking.fingerprint(outlined)
            if not kept:
                marks = np.zeros((len(cuts), len(mark)), np.float16)
            if picking.correlations(mark[None], marks[:kept]).max(initial=0.0) >= task.thresholds.duplicate:
                found.dropped[picking.DUPLICATE] += 1
                continue
            marks[kept] = mark
            kept += 1
            audio.write(pcm.tobytes())
            features_file.write(features.tobytes())
            found.starts_seconds.append(round(float(start) / task.sample_rate, 6))
            found.loop_bpms.append(float(bpm))
            found.bar_numbers.append(int(bar_number))
    found.outline = _joined(outlines, steps)
    found.fingerprints = marks[:kept].copy()


@contextmanager
def _part_files(task: Task) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Open the part files under other names until both are on disk: a cluster may start the same task twice."""
    paths = {own: task.part.with_name(temporary_name()) for own in (task.audio_part, task.features_part)}
    with ExitStack() as opened:
        audio, features = (opened.enter_context(open(path, "xb")) for path in paths.values())
        yield audio, features
        for file in (audio, features):
            file.flush()
            os.fsync(file.fileno())
    for own, path in paths.items():
        os.replace(path, own)


def _joined(outlines: list[np.ndarray | None], steps: int) -> np.ndarray:
    """Join the outlines of neighboring loops; zeros stand for loops that were not looked at."""
    known = next((outline for outline in outlines if outline is not None), None)
    if known is None:
        return np.zeros((0, 0), np.float16)
    missing = np.zeros((steps, known.shape[1]), np.float16)
    return np.concatenate([missing if outline is None else outline for outline in outlines])
