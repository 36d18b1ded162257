"""One loop of a run -> its part of the dataset, its notes as JSON, and WAV, stem and MIDI files for people."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fourfloor
from fourfloor.arguments import check_range, check_seed, check_types
from fourfloor.audio import LoopTags, plain_word, tempo_word, write_loop
from fourfloor.ingestion.catalogue import loop_features
from fourfloor.ingestion.picking import LevelMeter, Thresholds
from fourfloor.ingestion.schema import to_pcm, to_waveform
from fourfloor.producer.kits import load_kit
from fourfloor.producer.loops import LOWEST_RATE, render_loop
from fourfloor.producer.midi import write_midi
from fourfloor.producer.score import ProducedLoop, roll
from fourfloor.representations import score, stems
from fourfloor.saving import save_file
from fourfloor.signal.beatgrid import check_bars

SEEDS_A_RUN = 1_000_000
SAMPLE_RATES = (LOWEST_RATE, 192_000)  # in Hz, up to what ingest stores


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
    truth: bool

    def __post_init__(self) -> None:
        check_types(self)
        check_seed(self.seed)
        check_bars(self.bars)
        check_range("sample_rate", self.sample_rate, *SAMPLE_RATES)
        for name in ("density", "energy"):
            if getattr(self, name) is not None:
                check_range(name, getattr(self, name), 0, 1)

    def fingerprint(self, kit_content: str) -> str:
        """Return a hash of everything the loops depend on, the producer's own source included."""
        source = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
        settings = {**asdict(self), "kit": kit_content, "files": None}
        return hashlib.sha256(repr(settings).encode() + source).hexdigest()


def loop_seed(seed: int, index: int) -> int:
    """Return the seed that `render_loop` renders loop `index` of a run from."""
    return seed * SEEDS_A_RUN + index


def file_stem(loop: ProducedLoop, index: int) -> str:
    """Return a file name as sample packs have them: "fourfloor_126p5bpm_deep-house_loop_s7_Amin"."""
    return stem_of(loop.bpm, loop.style, index, loop.key)


def stem_of(bpm: float, style: str, index: int, key: str) -> str:
    """Return the same name from what `truth` says of a loop."""
    return f"fourfloor_{tempo_word(bpm)}_{plain_word(style)}_loop_s{index}_{plain_word(key.replace('#', 'sharp'))}"


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
        grouped=order.truth,
    )
    write_files(loop, index, order)
    meter = LevelMeter([loop.waveform], order.sample_rate)
    for _ in meter:
        pass
    gain_db = meter.gain_db(Thresholds())
    pcm = to_pcm(loop.waveform * np.float32(10 ** (gain_db / 20)))
    features = loop_features(to_waveform(pcm), loop.bpm, loop.bars)
    known: dict[str, Any] = {}
    if loop.groups is not None:
        groups = loop.groups * np.float32(10 ** (gain_db / 20))
        known = {
            "stems.f16": stems.analyze(groups, loop.bars),
            "instruments.f16": score.analyze(groups, loop.bars),
            "score.u8": roll(loop.events, loop.bars),
        }
    facts = json.dumps({"gain_db": gain_db, "truth": truth(loop, loop_seed(order.seed, index))})
    content = io.BytesIO()
    np.savez(content, pcm=pcm, features=features, facts=np.frombuffer(facts.encode(), np.uint8), **known)
    save_file(part.path, content.getvalue())
    return part.path


def read_part(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Read the arrays and the facts that `render_part` wrote; None when they are missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as part:
            arrays = {name: part[name] for name in part.files}
            return arrays, json.loads(arrays.pop("facts").tobytes())
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
