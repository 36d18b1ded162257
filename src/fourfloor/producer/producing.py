"""Many loops -> a dataset as ingest writes it, and beside it a folder of their notes, WAV, stems and MIDI.

Several processes render loops into the scratch folder of the dataset's writer; they are put together in order, so that
the dataset is the same whatever `jobs` is. An interrupted run leaves them there, and the same one goes on with them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fourfloor
from fourfloor.arguments import check_range, checked
from fourfloor.errors import FourfloorError
from fourfloor.ingestion.catalogue import Catalogue, DatasetWriter
from fourfloor.processes import run_in_processes
from fourfloor.producer.kits import load_kit
from fourfloor.producer.loops import stream
from fourfloor.producer.plain_files import check_files, place_files
from fourfloor.producer.styles import matching_styles
from fourfloor.producer.writing import SEEDS_A_RUN, Order, Part, loop_seed, read_part, render_part
from fourfloor.workspace import plain_errors

MAX_JOBS = 64
Progress = Callable[[int, int, str], None]


def is_held_out(seed: int, index: int, count: int, share: float) -> bool:
    """Return whether a loop is for validation: by its seed alone, except that the last of three or more always is."""
    return stream(loop_seed(seed, index), "split").uniform() < share or (
        share > 0 and count >= 3 and index == count - 1
    )


def is_resumed(scratch: Path, fingerprint: str) -> bool:
    """Return whether a scratch folder holds loops of the same run; what it holds of another one is removed."""
    mark = scratch / "fingerprint"
    if mark.is_file() and mark.read_bytes() == fingerprint.encode():
        return True
    for entry in scratch.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    mark.write_bytes(fingerprint.encode())
    return False


def _part_path(scratch: Path, index: int) -> Path:
    return scratch / f"{index}.npz"


def render_parts(order: Order, count: int, folder: Path, jobs: int, on_progress: Progress | None) -> None:
    """Render the loops that are missing, each process with one thread."""
    missing = [index for index in range(count) if not _part_path(folder, index).is_file()]
    done = count - len(missing)
    if on_progress and done:
        on_progress(done, count, "rendered before")

    def count_on(number: int, path: Path | None) -> None:
        nonlocal done
        if path is None:
            raise FourfloorError(
                f"a process that rendered loop {missing[number]} was ended; lower --jobs to save memory"
            )
        done += 1
        if on_progress:
            on_progress(done, count, f"{done} loops")

    # Processes of their own even for one job: sums split between threads differ in the last bit.
    tasks = [Part(order=order, index=index, path=_part_path(folder, index)) for index in missing]
    run_in_processes(render_part, tasks, jobs, count_on)


def produce(
    count: int,
    out: str | Path,
    style: str | None = None,
    bars: int = 4,
    seed: int = 0,
    jobs: int = 2,
    stems: bool = False,
    midi: bool = False,
    kit: str | Path | None = None,
    on_progress: Progress | None = None,
    *,
    wav: bool = False,
    bpm: float | None = None,
    density: float | None = None,
    energy: float | None = None,
    sample_rate: int = 44_100,
    validation_share: float = 0.1,
    overwrite: bool = False,
) -> Catalogue:
    """Render `count` loops into the dataset `out`; each is a track of its own, so a split by track is a split by loop.

    Equal arguments give equal bytes, whatever `jobs`; loop i is `render_loop(seed * 1_000_000 + i)`, leveled as ingest
    levels tracks. `<out>-files/events.jsonl` holds the `truth` of each loop, a line a loop in the dataset's order;
    `wav`, `stems` and `midi` write plain files beside it. `on_progress(done, total, name)` is called after each loop.
    FourfloorError in one line for what cannot be made or written.
    """
    check_range("count", checked("count", count, int), 1, SEEDS_A_RUN)
    check_range("jobs", checked("jobs", jobs, int), 0, MAX_JOBS)  # 0 is one process a core
    check_range("validation_share", checked("validation_share", validation_share, float), 0, 0.9)
    matching_styles(checked("style", style, str | None))
    out = Path(os.path.abspath(out))
    files = out.with_name(out.name + "-files")
    settings: dict[str, Any] = {"seed": seed, "style": style, "bpm": bpm, "density": density, "energy": energy}
    order = Order(
        **settings, bars=bars, sample_rate=sample_rate, stems=stems, midi=midi, wav=wav,
        kit=None if kit is None else Path(kit), files=files,
    )  # fmt: skip
    content = load_kit(order.kit, sample_rate).content if order.kit is not None else ""
    kept = {"producer": fourfloor.__version__, **settings, "kit": content or None, "validation_share": validation_share}
    writer = DatasetWriter(
        out, keep_scratch=True, bars=bars, sample_rate=sample_rate, overwrite=overwrite, settings=kept
    )
    with writer, plain_errors(out):
        order = replace(order, files=writer.scratch / "files")
        resumed = is_resumed(writer.scratch, order.fingerprint(content))
        order.files.mkdir(exist_ok=True)
        with check_files(files, overwrite or resumed):
            render_parts(order, count, writer.scratch, jobs, on_progress)
            held_out = [is_held_out(seed, index, count, validation_share) for index in range(count)]
            lines = [_append(writer, order, index, is_held) for index, is_held in enumerate(held_out)]
            place_files(order.files, files, lines)
            return writer.finish()


def _append(writer: DatasetWriter, order: Order, index: int, held_out: bool) -> str:
    """Add a rendered loop to the dataset and return its truth, one line of JSON."""
    path = _part_path(writer.scratch, index)
    part = read_part(path)
    if part is None:
        path.unlink(missing_ok=True)
        raise FourfloorError(f"{path}: was damaged on disk and is removed; run again to go on")
    pcm, features, facts = part
    known = facts["truth"]
    track = writer.add_track(
        name=f"produced-{loop_seed(order.seed, index)}",
        path=f"produced-{loop_seed(order.seed, index)}",
        bpm=known["bpm"],
        sha256=hashlib.sha256(pcm.tobytes()).hexdigest(),
        style=known["style"],
        split="validation" if held_out else "train",
    )
    writer.add_loop(pcm, track=track, bpm=known["bpm"], gain_db=facts["gain_db"], key=known["key"], features=features)
    return json.dumps({"loop": index, **known}, separators=(",", ":"))
