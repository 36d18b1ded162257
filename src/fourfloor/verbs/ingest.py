"""A folder of tracks -> a dataset, and a report of what became of every track. Needs no torch."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fourfloor.ingestion.folder import IngestConfig, IngestReport
from fourfloor.ingestion.folder import ingest as ingest_folder
from fourfloor.progress import OnProgress, PathLike, ignore, silent


def ingest(
    sources: PathLike | Iterable[PathLike], out: PathLike, *, on_progress: OnProgress = ignore, **options: Any
) -> IngestReport:
    """Cut tracks into loops on the beat grid and write them as a dataset.

    Args:
        sources: A folder of tracks or a file, or several.
        out: The dataset's folder.
        on_progress: Called with (done, total, text) after each track.
        **options: Fields of `fourfloor.ingestion.folder.IngestConfig`: bars, bpm, sample_rate (Hz), channels, style,
            min_confidence and validation_share (0-1), seed, jobs, overwrite, strict.

    Returns:
        What became of every track, with the dataset as `catalogue`; serves as the dataset's path.

    Raises:
        FourfloorError: There is nothing to learn from, or nothing can be written.

    Example:
        >>> import fourfloor as ff
        >>> dataset = ff.ingest("music/", "data/mine", bars=2)  # doctest: +SKIP
        >>> dataset.loops  # doctest: +SKIP
        212
    """
    several = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    return ingest_folder(several, Path(out), IngestConfig(**options), silent(on_progress))
