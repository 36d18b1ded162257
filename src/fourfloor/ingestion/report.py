"""What became of the files of an ingest: one row each, and in one line what to do where nothing is left of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from fourfloor.ingestion import picking
from fourfloor.ingestion.catalogue import Catalogue

# What helps where nothing is left, by the reason for which most loops were dropped.
_REMEDIES = {
    picking.UNSURE: "pass --bpm if you know the tempo, or a lower --min-confidence",
    picking.TOO_SHORT: "pass fewer --bars, or longer files",
    picking.SILENCE: "turn the music up, or leave out what is silent",
    picking.CLIPPING: "use the music before it was clipped",
    picking.TEMPO_CHANGES: "pass fewer --bars, or music of a steady tempo",
}


@dataclass(frozen=True, kw_only=True)
class TrackReport:
    """Tell what became of one file that could be read."""

    file: str
    bpm: float
    confidence: float
    downbeat_seconds: float
    loops: int
    dropped: dict[str, int]
    seconds: float
    split: str
    repairs: list[str]
    meter: str
    drift_ms: float
    grid: str


@dataclass(frozen=True, kw_only=True)
class RejectedFile:
    """A file that could not be used, and why."""

    file: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """Tell what became of every file, and hold the dataset; serves as its path."""

    catalogue: Catalogue
    tracks: list[TrackReport]
    rejected: list[RejectedFile]

    def __fspath__(self) -> str:
        return str(self.catalogue.path)

    @property
    def loops(self) -> int:
        """Number of loops in the dataset."""
        return sum(track.loops for track in self.tracks)

    def to_json(self) -> dict[str, Any]:
        """Return what `ingest --json` prints."""
        tracks = [asdict(track) for track in self.tracks]
        return {"tracks": tracks, "loops": self.loops, "rejected": [asdict(row) for row in self.rejected]}


def nothing_left(rejected: list[RejectedFile], reports: list[TrackReport]) -> str:
    """Say in one line why no dataset is written."""
    reasons = [f"{row.file}: {row.reason}" for row in rejected]
    reasons += [f"{report.file}: {', '.join([*report.dropped, *report.repairs]) or 'no loops'}" for report in reports]
    if not reasons:
        return "no audio files were found; name files or folders with WAV, FLAC, OGG, Opus, MP3 or AIFF files"
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    dropped = sum((Counter(report.dropped) for report in reports), Counter[str]())
    remedies = [_REMEDIES[reason] for reason, _ in dropped.most_common(1) if reason in _REMEDIES]
    return "; ".join([f"nothing to learn from: {'; '.join(reasons[:3])}{more}", *remedies])
