"""A folder of tracks -> a dataset, and a report of what became of every track. Needs no torch."""

import os
from collections.abc import Iterable
from pathlib import Path

from fourfloor.arguments import typed
from fourfloor.ingestion.folder import IngestConfig, IngestReport
from fourfloor.ingestion.folder import ingest as ingest_folder
from fourfloor.progress import OnProgress, PathLike, ignore, silent


@typed
def ingest(
    sources: PathLike | Iterable[PathLike],
    out: PathLike,
    *,
    bars: int = 4,
    hop_bars: int | None = None,
    bpm: float | None = None,
    sample_rate: int = 44_100,
    channels: int = 2,
    style: str = "music",
    min_confidence: float = 0.3,
    max_loops_per_track: int | None = 64,
    validation_share: float = 0.15,
    seed: int = 0,
    jobs: int = 0,
    engine: str = "local",
    address: str | None = None,
    overwrite: bool = False,
    strict: bool = False,
    on_progress: OnProgress = ignore,
) -> IngestReport:
    """Cut tracks into loops on the beat grid and write them as a dataset.

    The same files give the same bytes, whatever `jobs` and `engine` are and in whatever order the sources are named. A
    call that is interrupted keeps the tracks that it has analyzed, and the same call goes on with them.

    Args:
        sources: A folder of tracks or an audio file, or several of them.
        out: The dataset's folder.
        bars: Length of each loop in bars of four beats: 1, 2, 4 or 8.
        hop_bars: Distance between the starts of two loops in bars, 1 to `bars`; `bars` by default.
        bpm: Tempo of every file, 90-180; measured by default.
        sample_rate: Sample rate of the stored loops, 4,000 to 192,000 Hz.
        channels: Channels of the stored loops, 1 or 2.
        style: Style name for these tracks, up to 64 characters; a trained model generates by it.
        min_confidence: Drop tracks whose beat grid is less certain than this, 0-1.
        max_loops_per_track: Keep at most so many loops of one track, 1 or more; None keeps all.
        validation_share: Share of the music to hold out for testing, 0-0.9.
        seed: Selects which tracks are held out, 0 to 2^63 - 1.
        jobs: Number of processes, 0-256; 0 means one per core.
        engine: "local" for processes of this machine, or "ray" (docs/scale.md).
        address: Of a running Ray cluster, HOST:PORT or "auto"; without one Ray starts on this machine.
        overwrite: Replace an existing dataset.
        strict: Raise if any file is rejected.
        on_progress: Called with (done, total, text) after each track.

    Returns:
        An `IngestReport`: a row for each track, the rejected files, and the dataset as `catalogue`. Pass it wherever a
        dataset is expected.

    Raises:
        FourfloorError: An argument is out of range, no loop is left, `out` holds other files, or the disk is full.

    Example:
        >>> import fourfloor as ff
        >>> report = ff.ingest("music/", "data/new", bars=2)
        >>> [(round(track.bpm, 2), track.grid) for track in report.tracks]
        [(124.0, 'exact'), (128.0, 'exact')]
        >>> report.catalogue.waveform(0).shape
        (2, 170710)
    """
    several = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    config = IngestConfig(
        bars=bars, hop_bars=hop_bars, bpm=bpm, sample_rate=sample_rate, channels=channels, style=style,
        min_confidence=min_confidence, max_loops_per_track=max_loops_per_track, validation_share=validation_share,
        seed=seed, jobs=jobs, engine=engine, address=address, overwrite=overwrite, strict=strict,
    )  # fmt: skip
    return ingest_folder(several, Path(out), config, silent(on_progress))
