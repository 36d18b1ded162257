"""A folder of tracks -> a dataset of loops: whole bars on the beat grid, picked, leveled and split by track.

The same files give the same bytes, whatever the order of the arguments, the engine or the number of processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from fourfloor.arguments import check_range, check_seed, check_types
from fourfloor.audio import display_name, find_audio
from fourfloor.engines import check_engine, check_jobs, opened, run_in_processes
from fourfloor.errors import FourfloorError
from fourfloor.ingestion.analysis import Task, TrackAnalysis
from fourfloor.ingestion.catalogue import Catalogue, load
from fourfloor.ingestion.kept import order_fingerprint, part_name
from fourfloor.ingestion.naming import track_names
from fourfloor.ingestion.picking import Thresholds
from fourfloor.ingestion.processes import Progress, analyze_tracks
from fourfloor.ingestion.report import IngestReport, RejectedFile, TrackReport, nothing_left
from fourfloor.ingestion.splitting import Selection, select, split
from fourfloor.ingestion.writing import DatasetWriter
from fourfloor.signal.beatgrid import BPM_RANGE, check_bars, loop_frames, loop_samples
from fourfloor.workspace import is_resumed

__all__ = ["Catalogue", "DatasetWriter", "IngestConfig", "IngestReport", "Thresholds", "TrackReport", "ingest", "load"]

MAX_STYLE = 64  # characters


@dataclass(frozen=True, kw_only=True)
class IngestConfig:
    """Say how tracks become loops.

    A given `bpm` is trusted for every file. A loop begins every `hop_bars` bars, by default where the last one ends.
    `max_loops_per_track` keeps long tracks from outweighing the rest; `jobs` 0 means one process a core.
    `min_confidence` lies between noise and random clicks (0.00) and 54 excerpts of real tracks (0.70-0.99).
    """

    bars: int = 4
    hop_bars: int | None = None
    bpm: float | None = None
    sample_rate: int = 44_100
    channels: int = 2
    max_loops_per_track: int | None = 64
    min_confidence: float = 0.3
    bpm_range: tuple[float, float] = BPM_RANGE
    thresholds: Thresholds = field(default_factory=Thresholds)
    validation_share: float = 0.15
    seed: int = 0
    style: str = "music"
    jobs: int = 0
    engine: str = "local"
    address: str | None = None
    overwrite: bool = False
    strict: bool = False

    def __post_init__(self) -> None:
        check_types(self)
        check_seed(self.seed)
        check_bars(self.bars)
        check_engine(self.engine, self.address)
        check_jobs(self.jobs, self.engine)
        check_range("hop_bars", self.bars if self.hop_bars is None else self.hop_bars, 1, self.bars)
        check_range("sample_rate", self.sample_rate, 4000, 192_000)
        check_range("channels", self.channels, 1, 2)
        if self.max_loops_per_track is not None:
            check_range("max_loops_per_track", self.max_loops_per_track, 1, 10**9)
        check_range("validation_share", self.validation_share, 0, 0.9)
        check_range("min_confidence", self.min_confidence, 0, 1)
        if not _is_style(self.style):
            raise FourfloorError(f"style {self.style!a}: give a name of 1 to {MAX_STYLE} printable characters")
        if self.bpm is not None and not self.bpm_range[0] <= self.bpm <= self.bpm_range[1]:
            raise FourfloorError(_outside(self.bpm, self.bpm_range))


def _is_style(style: str) -> bool:
    """Return whether a style can be shown on a terminal and asked for: one with letters or digits."""
    return style.isprintable() and any(map(str.isalnum, style)) and len(style) <= MAX_STYLE


def _outside(bpm: float, bpm_range: tuple[float, float]) -> str:
    """Say which tempi loops have, and at which of them music of this tempo counts."""
    low, high = bpm_range
    rule = f"bpm is {bpm:g}; loops have {low:g} to {high:g} BPM"
    for factor, name in ((2, "double"), (0.5, "half")):
        if low <= bpm * factor <= high:
            return f"{rule}; count this music at {name} tempo: --bpm {bpm * factor:g}"
    return f"{rule}; give a tempo in that range"


def ingest(
    sources: Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    config: IngestConfig | None = None,
    on_progress: Progress | None = None,
) -> IngestReport:
    """Cut the tracks in files and folders into loops and write them as a dataset.

    `on_progress(done, total, name)` is called after each file. FourfloorError in one line where nothing is left, where
    `out` cannot be written, or, with `strict`, where any file was rejected.
    """
    config = config or IngestConfig()
    ordered = sorted(Path(source) for source in sources)
    paths, unreachable = find_audio(ordered)
    rejected = [RejectedFile(file=display_name(path), reason=reason) for path, reason in unreachable]
    if not paths:
        raise FourfloorError(nothing_left(rejected, []))
    with DatasetWriter(
        Path(out),
        bars=config.bars,
        sample_rate=config.sample_rate,
        channels=config.channels,
        overwrite=config.overwrite,
        settings=_settings(config),
        keep_scratch=True,
    ) as writer:
        analyses, tasks = _analyses(paths, config, writer, on_progress)
        names = track_names(paths, ordered)
        try:
            reports = _write(writer, tasks, names, analyses, rejected, config)
            if config.strict and rejected:
                told = f"{rejected[0].file}: {rejected[0].reason}"
                raise FourfloorError(f"{told}; {len(rejected)} rejected in strict mode")
            if not any(report.loops for report in reports):
                raise FourfloorError(nothing_left(rejected, reports))
            return IngestReport(catalogue=writer.finish(), tracks=reports, rejected=rejected)
        except FourfloorError:
            writer.drop_scratch()
            raise


def _analyses(
    paths: list[Path], config: IngestConfig, writer: DatasetWriter, on_progress: Progress | None
) -> tuple[list[TrackAnalysis], list[Task]]:
    """Analyze the tracks; what is found stays in the scratch folder where a signal or a lost cluster ends it."""
    tasks = [_task(path, writer.scratch / part_name(path), config) for path in paths]
    try:
        is_resumed(writer.scratch, order_fingerprint(replace(tasks[0], path=Path(), part=Path())))
        with opened(config.engine, config.address, run_in_processes, writer.scratch) as engine:
            analyses = analyze_tracks(tasks, config.jobs, on_progress, engine)
    except OSError as error:  # of the part files: what is wrong with a track is in its analysis
        writer.drop_scratch()
        raise FourfloorError(f"{writer.out}: cannot be written ({error.strerror}); free space") from error
    return analyses, tasks


def _settings(config: IngestConfig) -> dict[str, Any]:
    """Return what the loops depend on: neither where they are cut nor what is done about errors."""
    without = ("jobs", "engine", "address", "overwrite", "strict", "bars", "sample_rate", "channels")
    return {key: value for key, value in asdict(config).items() if key not in without}


def _task(path: Path, part: Path, config: IngestConfig) -> Task:
    return Task(
        path=path, part=part, bars=config.bars, hop_bars=config.hop_bars or config.bars, bpm=config.bpm,
        sample_rate=config.sample_rate, channels=config.channels, min_confidence=config.min_confidence,
        bpm_range=config.bpm_range, thresholds=config.thresholds,
    )  # fmt: skip


def _write(
    writer: DatasetWriter,
    tasks: list[Task],
    names: list[str],
    analyses: list[TrackAnalysis],
    rejected: list[RejectedFile],
    config: IngestConfig,
) -> list[TrackReport]:
    """Compare the tracks, split them and write what is kept; add files that could not be used to `rejected`."""
    readable = _readable(tasks, analyses, rejected)
    found = [analyses[number] for number in readable]
    selections = select(found, config.thresholds, config.max_loops_per_track)
    split(found, selections, config.validation_share, config.seed)
    reports = []
    for number, analysis, selection in zip(readable, found, selections, strict=True):
        repairs = list(analysis.repairs)
        if selection.same_as is not None:
            repairs.append(f"the same audio as {names[readable[selection.same_as]]}: left out")
        told: dict[str, Any] = {
            "bpm": analysis.bpm, "confidence": analysis.confidence, "split": selection.split, "repairs": repairs,
            "meter": analysis.meter, "drift_ms": analysis.drift_ms, "grid": analysis.grid,
        }  # fmt: skip
        file = display_name(tasks[number].path)
        track = writer.add_track(
            name=names[number], path=file, sha256=analysis.sha256, first_downbeat=analysis.first_downbeat,
            style=config.style, dropped=selection.dropped, **told,
        )  # fmt: skip
        _write_loops(writer, track, tasks[number], analysis, selection)
        reports.append(TrackReport(
            file=file, downbeat_seconds=analysis.first_downbeat, loops=len(selection.kept),
            dropped=dict(sorted(selection.dropped.items())), seconds=analysis.seconds, **told,
        ))  # fmt: skip
    for row in rejected:
        writer.reject(row.file, row.reason)
    return reports


def _readable(tasks: list[Task], analyses: list[TrackAnalysis], rejected: list[RejectedFile]) -> list[int]:
    """Return the numbers of the tracks that could be read, each content once; add the others to `rejected`."""
    first_with: dict[str, str] = {}
    readable = []
    for number, (task, analysis) in enumerate(zip(tasks, analyses, strict=True)):
        file = display_name(task.path)
        if analysis.error:
            rejected.append(RejectedFile(file=file, reason=analysis.error))
        elif analysis.sha256 in first_with:
            same = f"has the same bytes as {first_with[analysis.sha256]}"
            rejected.append(RejectedFile(file=file, reason=same))
        else:
            first_with[analysis.sha256] = file
            readable.append(number)
    return readable


def _write_loops(writer: DatasetWriter, track: int, task: Task, analysis: TrackAnalysis, selection: Selection) -> None:
    """Copy the kept loops of one track from its part files, then remove those."""
    if not selection.kept:
        return
    frames = loop_frames(task.bars)
    features = np.fromfile(task.features_part, "<f2").reshape(len(analysis.bar_numbers), frames, -1)
    sizes = [task.channels * loop_samples(bpm, task.bars, task.sample_rate) for bpm in analysis.loop_bpms]
    begins = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    written: dict[int, int] = {}
    for index in selection.kept:
        bar_number = analysis.bar_numbers[index]
        pcm = np.fromfile(task.audio_part, "<i2", sizes[index], offset=2 * begins[index])
        written[bar_number] = writer.add_loop(
            pcm.reshape(-1, task.channels), track=track, bpm=analysis.loop_bpms[index],
            start_seconds=analysis.starts_seconds[index], gain_db=analysis.gain_db,
            follows=written.get(bar_number - task.bars), features=features[index],
        )  # fmt: skip
    task.audio_part.unlink()
    task.features_part.unlink()
