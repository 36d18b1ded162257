"""Many loops -> a dataset as ingest writes it, their notes as JSON, and plain WAV, stem and MIDI files for people.

Loops are rendered by several processes into `<out>.rendering` and put together in order, so that the dataset is the
same whatever `jobs` is, and an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fourfloor
from fourfloor.audio import LoopTags, plain_word, tempo_word, write_loop
from fourfloor.errors import FourfloorError
from fourfloor.ingest.catalogue import Catalogue, DatasetWriter, loop_features
from fourfloor.ingest.picking import LevelMeter, Thresholds
from fourfloor.ingest.schema import to_pcm, to_waveform
from fourfloor.processes import run_in_processes
from fourfloor.producer.kits import load_kit
from fourfloor.producer.loops import render_loop, stream
from fourfloor.producer.midi import write_midi
from fourfloor.producer.score import ProducedLoop
from fourfloor.producer.styles import matching_styles
from fourfloor.saving import save_file

Progress = Callable[[int, int, str], None]
SEEDS_A_RUN = 1_000_000
EVENTS = "events.jsonl"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What one run renders; `files` is the folder of events, WAV, stems and MIDI."""

    seed: int
    style: str | None
    bars: int
    bpm: float | None
    density: float | None
    energy: float | None
    sample_rate: int
    kit: Path | None
    files: Path
    wav: bool
    stems: bool
    midi: bool

    def fingerprint(self, kit_content: str) -> str:
        """Return a hash of everything the loops depend on, the producer's own source included."""
        source = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
        settings = (
            self.seed,
            self.style,
            self.bars,
            self.bpm,
            self.density,
            self.energy,
            self.sample_rate,
            kit_content,
            self.wav,
            self.stems,
            self.midi,
        )
        return hashlib.sha256(repr(settings).encode() + source).hexdigest()


def loop_seed(seed: int, index: int) -> int:
    """Return the seed that `render_loop` renders loop `index` of a run from."""
    return seed * SEEDS_A_RUN + index


def file_stem(loop: ProducedLoop, index: int) -> str:
    """Return a file name as sample packs have them: "fourfloor_126p5bpm_deep-house_loop_s7_Amin"."""
    key = loop.key.replace("#", "sharp")
    return f"fourfloor_{tempo_word(loop.bpm)}_{plain_word(loop.style)}_loop_s{index}_{key}"


def truth(loop: ProducedLoop, seed: int) -> dict[str, Any]:
    """Return all that is known about a loop as JSON.

    `events` holds for each instrument [start, duration, pitch, velocity] of every hit or note, in beats from the loop's
    first sample; a fifth value 1 says that the note slides into the next.
    """
    events: dict[str, list[list[float]]] = {}
    for event in loop.events:
        numbers = [round(event.start, 4), round(event.duration, 4), event.pitch, round(event.velocity, 3)]
        events.setdefault(event.instrument, []).append([*numbers, 1] if event.slide else numbers)
    return {
        "seed": seed,
        "style": loop.style,
        "bpm": loop.bpm,
        "bars": loop.bars,
        "key": loop.key,
        "mode": loop.mode,
        "events": events,
    }


def write_files(loop: ProducedLoop, index: int, order: Order) -> None:
    """Write one loop's WAV, stems and MIDI; all stems share one gain that keeps them under full scale."""
    stem = file_stem(loop, index)
    tags = LoopTags(
        bpm=loop.bpm,
        bars=loop.bars,
        title=stem,
        key=loop.key,
        software=f"fourfloor {fourfloor.__version__}",
        comment=json.dumps({"style": loop.style, "seed": loop_seed(order.seed, index)}),
    )
    if order.wav:
        write_loop(order.files / f"{stem}.wav", loop.waveform, tags, order.sample_rate)
    if order.midi:
        write_midi(order.files / f"{stem}.mid", loop.events, loop.bpm, loop.bars)
    if order.stems:
        folder = order.files / f"{stem}_stems"
        folder.mkdir(exist_ok=True)
        peak = max(float(np.abs(waveform).max()) for waveform in loop.stems.values())
        for name, waveform in loop.stems.items():
            scaled = (waveform * (0.9 / max(peak, 1e-9))).astype(np.float32)
            write_loop(folder / f"{stem}_{name}.wav", scaled, tags, order.sample_rate)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One loop of an order, and the file it is rendered into."""

    order: Order
    index: int
    path: Path


def render_part(part: Part) -> Path:
    """Render one loop into an .npz of its int16 audio, features and facts, and return that file."""
    order, index = part.order, part.index
    kit = load_kit(order.kit, order.sample_rate) if order.kit is not None else None
    loop = render_loop(
        loop_seed(order.seed, index),
        order.style,
        order.bars,
        order.bpm,
        order.sample_rate,
        density=order.density,
        energy=order.energy,
        kit=kit,
    )
    write_files(loop, index, order)
    meter = LevelMeter([loop.waveform], order.sample_rate)
    for _ in meter:
        pass
    gain_db = meter.gain_db(Thresholds())
    pcm = to_pcm(loop.waveform * np.float32(10 ** (gain_db / 20)))
    features = loop_features(to_waveform(pcm), loop.bpm, loop.bars)
    facts = json.dumps({"gain_db": gain_db, "truth": truth(loop, loop_seed(order.seed, index))})
    content = io.BytesIO()
    np.savez(content, pcm=pcm, features=features, facts=np.frombuffer(facts.encode(), np.uint8))
    save_file(part.path, content.getvalue())
    return part.path


def read_part(path: Path) -> tuple[np.ndarray, np.ndarray, dict[str, Any]] | None:
    """Read what `render_part` wrote; None when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as part:
            return part["pcm"], part["features"], json.loads(part["facts"].tobytes())
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def is_held_out(seed: int, index: int, count: int, share: float) -> bool:
    """Tell whether a loop is for validation: by its seed alone, except that the last of three or more always is."""
    return stream(loop_seed(seed, index), "split").uniform() < share or (
        share > 0 and count >= 3 and index == count - 1
    )


@contextlib.contextmanager
def rendering_folder(out: Path, fingerprint: str) -> Iterator[Path]:
    """Lend the folder of rendered parts; parts of another run are removed, those of this one are kept on failure."""
    folder = out.with_name(out.name + ".rendering")
    mark = folder / "fingerprint"
    try:
        if folder.exists() and (not mark.is_file() or mark.read_text() != fingerprint):
            if any(path.suffix not in (".npz", ".partial", "") for path in folder.iterdir()):
                raise FourfloorError(f"{folder}: holds files that are not the producer's; move them away first")
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        mark.write_text(fingerprint)
    except OSError as error:
        raise FourfloorError(
            f"{folder}: cannot be written ({error.strerror}); free space or choose another folder"
        ) from error
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def render_parts(order: Order, count: int, folder: Path, jobs: int, on_progress: Progress | None) -> None:
    """Render the loops that are missing, each process with one thread."""
    missing = [index for index in range(count) if not (folder / f"{index}.npz").is_file()]
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
    tasks = [Part(order=order, index=index, path=folder / f"{index}.npz") for index in missing]
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
    if count < 1 or jobs < 0 or not 0 <= validation_share < 1:
        given = f"count {count}, jobs {jobs}, validation_share {validation_share:g}"
        raise FourfloorError(
            f"{given}: give at least 1, at least 0 (one process a core), and a share from 0 to below 1"
        )
    matching_styles(style)
    out = Path(os.path.abspath(out))
    order = Order(
        seed=seed,
        style=style,
        bars=bars,
        bpm=bpm,
        density=density,
        energy=energy,
        sample_rate=sample_rate,
        stems=stems,
        midi=midi,
        wav=wav,
        kit=Path(kit) if kit is not None else None,
        files=out.with_name(out.name + "-files"),
    )
    content = load_kit(order.kit, sample_rate).content if order.kit is not None else ""
    settings = {
        "producer": fourfloor.__version__,
        "seed": seed,
        "style": style,
        "bpm": bpm,
        "density": density,
        "energy": energy,
        "kit": content or None,
        "validation_share": validation_share,
    }
    with DatasetWriter(out, bars=bars, sample_rate=sample_rate, overwrite=overwrite, settings=settings) as writer:
        try:
            order.files.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FourfloorError(f"{order.files}: cannot be made ({error.strerror}); choose another folder") from error
        with rendering_folder(out, order.fingerprint(content)) as folder:
            render_parts(order, count, folder, jobs, on_progress)
            lines = []
            for index in range(count):
                held_out = is_held_out(seed, index, count, validation_share)
                lines.append(_append(writer, order, index, folder / f"{index}.npz", held_out))
            save_file(order.files / EVENTS, "".join(line + "\n" for line in lines).encode("ascii"))
            return writer.finish()


def _append(writer: DatasetWriter, order: Order, index: int, path: Path, held_out: bool) -> str:
    """Add a rendered loop to the dataset and return its truth, one line of JSON."""
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
