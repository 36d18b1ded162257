"""What was found in one track, on disk beside its loops: an ingest that was killed goes on where it was.

`<part>.npz` appears last, so where it lies the part files `<part>.i16` and `<part>.f16` are whole.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import Counter
from dataclasses import fields
from pathlib import Path

import numpy as np

import fourfloor
from fourfloor.ingestion.analysis import Task, TrackAnalysis
from fourfloor.saving import save_file
from fourfloor.signal.beatgrid import loop_frames, loop_samples

ARRAYS = ("fingerprints", "outline")
ROOMS = ("audio", "ingestion", "representations", "signal")  # whose source decides what is found in a track


def order_fingerprint(settings: object) -> str:
    """Return a hash of everything that analyses depend on beside the tracks, the source included."""
    content = hashlib.sha256(repr((fourfloor.__version__, settings)).encode())
    for room in ROOMS:
        for path in sorted((Path(fourfloor.__file__).parent / room).glob("*.py")):
            content.update(path.read_bytes())
    return content.hexdigest()


def part_name(path: Path) -> str:
    """Name the part of a track by its path, size and time: a track that changed is analyzed again."""
    try:
        known = path.stat()
        told = f"{path.absolute()}\0{known.st_size}\0{known.st_mtime_ns}"
    except OSError:
        told = str(path.absolute())
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def keep(task: Task, found: TrackAnalysis) -> None:
    """Write an analysis; its part files are on disk."""
    facts = {field.name: getattr(found, field.name) for field in fields(found) if field.name not in ARRAYS}
    content = io.BytesIO()
    told = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    np.savez(content, facts=told, fingerprints=found.fingerprints, outline=found.outline)
    save_file(_file(task), content.getvalue())


def kept(task: Task) -> TrackAnalysis | None:
    """Read an analysis that was kept; None where there is none or something of it is damaged."""
    try:
        with np.load(_file(task), allow_pickle=False) as held:
            facts = json.loads(held["facts"].tobytes())
            arrays = {name: held[name] for name in ARRAYS}
        found = TrackAnalysis(**{**facts, **arrays, "dropped": Counter(facts["dropped"])})
        return found if _is_whole(task, found) else None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def _file(task: Task) -> Path:
    return task.part.with_suffix(".npz")


def _is_whole(task: Task, found: TrackAnalysis) -> bool:
    """Return whether the part files hold as much as the analysis says."""
    if not found.loop_bpms:
        return True
    samples = sum(loop_samples(bpm, task.bars, task.sample_rate) for bpm in found.loop_bpms)
    rows = len(found.loop_bpms) * loop_frames(task.bars)
    features, rest = divmod(task.features_part.stat().st_size, 2 * rows)
    return task.audio_part.stat().st_size == 2 * task.channels * samples and features > 0 and rest == 0
