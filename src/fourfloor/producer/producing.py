"""Many loops -> a dataset as ingest writes it, and beside it a folder of their notes, WAV, stems and MIDI.

An engine's processes render loops into the scratch folder of the dataset's writer; they are put together in order, so
that the dataset is the same whatever engine and `jobs` are. An interrupted run leaves them there, and the same one goes
on with them.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import fourfloor
from fourfloor.arguments import check_range, typed
from fourfloor.engines import Engine, check_engine, check_jobs, opened, run_in_processes
from fourfloor.errors import FourfloorError
from fourfloor.ingestion.catalogue import Catalogue
from fourfloor.ingestion.writing import DatasetWriter
from fourfloor.producer.kits import load_kit
from fourfloor.producer.loops import stream
from fourfloor.producer.plain_files import check_files, place_files
from fourfloor.producer.styles import matching_styles
from fourfloor.producer.writing import SEEDS_A_RUN, Order, Part, loop_seed, read_part, render_part
from fourfloor.progress import OnProgress, PathLike, ignore
from fourfloor.signal.beatgrid import check_bpm
from fourfloor.workspace import is_resumed, plain_errors


def is_held_out(seed: int, index: int, count: int, share: float) -> bool:
    """Return whether a loop is for validation: by its seed alone, except that the last of three or more always is."""
    return stream(loop_seed(seed, index), "split").uniform() < share or (
        share > 0 and count >= 3 and index == count - 1
    )


def _part_path(scratch: Path, index: int) -> Path:
    return scratch / f"{index}.npz"


def render_parts(engine: Engine, order: Order, count: int, folder: Path, jobs: int, on_progress: OnProgress) -> None:
    """Render the loops that are missing, each process with one thread."""
    missing = [index for index in range(count) if not _part_path(folder, index).is_file()]
    done = count - len(missing)
    if done:
        on_progress(done, count, "rendered before")

    def count_on(number: int, path: Path | None) -> None:
        nonlocal done
        if path is None:
            raise FourfloorError(
                f"a process that rendered loop {missing[number]} was ended; lower --jobs to save memory"
            )
        done += 1
        on_progress(done, count, f"{done} loops")

    # Processes of their own even for one job: sums split between threads differ in the last bit.
    tasks = [Part(order=order, index=index, path=_part_path(folder, index)) for index in missing]
    engine(render_part, tasks, jobs, count_on)


@typed
def produce(
    out: PathLike,
    *,
    count: int = 500,
    style: str | None = None,
    bars: int = 4,
    bpm: float | None = None,
    seed: int = 0,
    density: float | None = None,
    energy: float | None = None,
    kit: PathLike | None = None,
    sample_rate: int = 44_100,
    validation_share: float = 0.1,
    wav: bool = False,
    stems: bool = False,
    midi: bool = False,
    truth: bool = False,
    jobs: int = 2,
    engine: str = "local",
    address: str | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
) -> Catalogue:
    """Compose and synthesize loops by rule, and write them as a dataset: music to train on without tracks of your own.

    The same arguments give the same bytes, whatever `jobs` and `engine` are. Loop i is
    `render_loop(seed * 1_000_000 + i)`, leveled as `ingest` levels tracks. Each loop is a track of its own. An
    interrupted call leaves the loops that are finished, and the same call continues with them.

    Args:
        out: The dataset's folder. The folder `<out>-files` beside it gets events.jsonl: tempo, key, style and notes of
            each loop, one line of JSON a loop.
        count: Number of loops, 1 to 1,000,000.
        style: Style of all loops, a beginning of one, or "house" or "techno"; all styles in turn by default.
        bars: Length of each loop in bars of four beats: 1, 2, 4 or 8.
        bpm: Tempo of all loops, 90-180; typical of the style by default.
        seed: Seed of the dataset, 0 or more.
        density: How many notes and hits, 0-1; random for each loop by default.
        energy: Soft to hard, 0-1; random for each loop by default.
        kit: A folder of your own drum samples (one-shots); by default drums are synthesized.
        sample_rate: Sample rate of the loops, 16,000 to 192,000 Hz.
        validation_share: Share of the loops to hold out for testing, 0-0.9.
        wav: Also write each loop as a WAV file into `<out>-files`.
        stems: Also write each instrument of a loop as a WAV file.
        midi: Also write each loop as a MIDI file.
        truth: Keep stems and notes in the dataset, to train separator and transcriber.
        jobs: Number of processes, 0-256; 0 means one per core.
        engine: "local" for processes of this machine, or "ray" (docs/scale.md).
        address: Of a running Ray cluster, HOST:PORT or "auto"; without one Ray starts on this machine.
        overwrite: Replace an existing dataset.
        on_progress: Called with (done, total, text) after each loop.

    Returns:
        The dataset's `Catalogue`. Pass it wherever a dataset is expected; `waveform(i)` is loop i, float32
        `(2, samples)`.

    Raises:
        FourfloorError: An argument is out of range, `out` holds other files, or the disk is full.

    Example:
        >>> import fourfloor as ff
        >>> made = ff.produce("data/two", count=2, style="minimal", bars=1, bpm=128, jobs=1)
        >>> [loop.key for loop in made.loops], made.waveform(0).shape
        (['F#min', 'A#min'], (2, 82688))
    """
    check_range("count", count, 1, SEEDS_A_RUN)
    if bpm is not None:
        check_bpm(bpm)
    check_range("validation_share", validation_share, 0, 0.9)
    check_engine(engine, address)
    check_jobs(jobs, engine)
    matching_styles(style)
    out = Path(os.path.abspath(out))
    files = out.with_name(out.name + "-files")
    settings: dict[str, Any] = {"seed": seed, "style": style, "bpm": bpm, "density": density, "energy": energy}
    order = Order(
        **settings, bars=bars, sample_rate=sample_rate, stems=stems, midi=midi, wav=wav, truth=truth,
        kit=None if kit is None else Path(kit), files=files,
    )  # fmt: skip
    content = load_kit(order.kit, sample_rate).content if order.kit is not None else ""
    kept = {"producer": fourfloor.__version__, **settings, "kit": content or None, "validation_share": validation_share}
    writer = DatasetWriter(
        out, keep_scratch=True, bars=bars, sample_rate=sample_rate, overwrite=overwrite, settings=kept,
        truth=truth,
    )  # fmt: skip
    with writer, plain_errors(out):
        order = replace(order, files=writer.scratch / "files")
        resumed = is_resumed(writer.scratch, order.fingerprint(content))
        order.files.mkdir(exist_ok=True)
        with check_files(files, overwrite or resumed):
            with opened(engine, address, run_in_processes, writer.scratch) as run:
                render_parts(run, order, count, writer.scratch, jobs, on_progress)
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
    arrays, facts = part
    pcm, features, known = arrays.pop("pcm"), arrays.pop("features"), facts["truth"]
    track = writer.add_track(
        name=f"produced-{loop_seed(order.seed, index)}",
        path=f"produced-{loop_seed(order.seed, index)}",
        bpm=known["bpm"],
        sha256=hashlib.sha256(pcm.tobytes()).hexdigest(),
        style=known["style"],
        split="validation" if held_out else "train",
    )
    writer.add_loop(
        pcm, track=track, bpm=known["bpm"], gain_db=facts["gain_db"], key=known["key"], features=features, truth=arrays
    )
    return json.dumps({"loop": index, **known}, separators=(",", ":"))
