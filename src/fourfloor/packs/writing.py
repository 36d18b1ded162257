"""Loops and a list of formats -> a pack on disk, and a report of what is in it."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fourfloor
from fourfloor import audio
from fourfloor.audio import AudioError, LoopTags, display_name, plain_word, tempo_word
from fourfloor.errors import FourfloorError
from fourfloor.packs.contents import STEMS, Pack, PackedLoop
from fourfloor.packs.folder import MANIFEST, files_in, new_folder, write_manifest
from fourfloor.packs.loops import MAX_LOOPS, PackLoop, find_loops, whole_bars
from fourfloor.packs.notes import Score, read_notes
from fourfloor.progress import OnProgress, PathLike, ignore

FORMATS = (
    "flac", "midi", "dawproject", "sfz", "decentsampler", "sf2", "hydrogen", "it", "strudel", "tidal", "supercollider",
    "csound", "puredata", "chuck", "sonicpi", "rekordbox", "csv", "html",
)  # fmt: skip
LONGEST_LICENSE = 200


@dataclass(frozen=True, kw_only=True)
class PackReport:
    """Say what was written: the folder or zip, its loops by name, its files, and what a user should know."""

    out: Path
    loops: tuple[str, ...]
    files: tuple[str, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON content."""
        return {**asdict(self), "out": str(self.out)}


def pack(
    loops: Iterable[PackLoop | PathLike],
    out: PathLike,
    *,
    formats: Sequence[str] = FORMATS,
    name: str | None = None,
    bpm: float | None = None,
    license: str = "",
    as_zip: bool = False,
    overwrite: bool = False,
    complete: Callable[[PackLoop], PackLoop] = lambda loop: loop,
    on_progress: OnProgress = ignore,
) -> PackReport:
    """Write loops, their stems and MIDI as a pack, whole or not at all (`fourfloor.pack` explains the arguments).

    `complete` is called with each loop before it is written, and may add files to it. FourfloorError in one line,
    before anything lies at `out`.
    """
    target = _zip_name(Path(out)) if as_zip else Path(out)
    formats = check_formats(formats)
    name = _pack_name(target.stem if as_zip else target.name, name)
    if not license.isprintable() or len(license) > LONGEST_LICENSE:
        raise FourfloorError(f"license: give one line of at most {LONGEST_LICENSE} characters, such as CC0-1.0")
    sources = _sources(loops, bpm)
    _refuse_own(sources, target)
    total = len(sources) + len(formats)
    home = None if as_zip else Path(target.absolute())
    with new_folder(target, overwrite, as_zip) as folder:
        packed: list[PackedLoop] = []
        for number, source in enumerate(sources, 1):
            packed.append(_write_loop(folder, name, number, len(sources), complete(source)))
            on_progress(number, total, packed[-1].name)
        notes = _tempo_notes(packed)
        made = Pack(name=name, folder=folder, home=home, license=license, loops=packed)
        for number, chosen in enumerate(formats, len(sources) + 1):
            notes += importlib.import_module(f"fourfloor.packs.formats.{chosen}").write(made)
            on_progress(number, total, chosen)
        if formats == ("midi",) and not any(loop.midi for loop in packed):
            notes.append("no loop has a MIDI file beside it: add --midi to transcribe them")
        facts = {"name": name, "software": f"fourfloor {fourfloor.__version__}", "license": license}
        described = [_described(loop) for loop in packed]
        write_manifest(folder, {**facts, "formats": list(formats), "loops": described, "notes": notes})
        files = files_in(folder)
    return PackReport(out=target, loops=tuple(loop.name for loop in packed), files=tuple(files), notes=tuple(notes))


def _sources(loops: Iterable[PackLoop | PathLike], bpm: float | None) -> list[PackLoop]:
    """Return the loops that are named; a file that is named twice, as by its folder too, is taken once."""
    sources: dict[str, PackLoop] = {}
    for given in loops:
        for loop in [given] if isinstance(given, PackLoop) else find_loops([given], bpm):
            sources.setdefault(os.path.realpath(loop.path), loop)
    if not sources:
        raise FourfloorError("no loops to pack: name WAV files, or folders that hold some")
    if len(sources) > MAX_LOOPS:
        raise FourfloorError(f"{len(sources)} loops are more than {MAX_LOOPS}: make several packs")
    return list(sources.values())


def _refuse_own(sources: Sequence[PackLoop], target: Path) -> None:
    """Refuse to replace the pack that the loops lie in: their stems and notes, which lie elsewhere, would be lost."""
    if target.is_dir():
        for source in sources:
            if target.resolve() in source.path.resolve().parents and (target / MANIFEST).exists():
                where = display_name(target)
                raise FourfloorError(
                    f"{where}: the loops lie in this pack, which would be replaced; choose another --out"
                )


def check_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Return the formats in their order, each once; raise FourfloorError for a name that is none."""
    words = {name.strip().lower() for name in formats}
    unknown = sorted(words - {*FORMATS, "wav", "all"})
    if unknown:
        raise FourfloorError(f"format {unknown[0]!r} is unknown: choose from all, wav, {', '.join(FORMATS)}")
    return tuple(name for name in FORMATS if name in words or "all" in words)


def _zip_name(out: Path) -> Path:
    """Return the name of a zip file: with the extension by which programs know it."""
    return out if out.suffix.lower() == ".zip" or not out.name else out.with_name(f"{out.name}.zip")


def _pack_name(out_name: str, name: str | None) -> str:
    if name is None:
        return plain_word(out_name).strip("-")[:64] or "pack"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise FourfloorError(
            f"name {display_name(name)!r} does not fit every program: use up to 64 letters, digits, - and _"
        )
    return name


def _write_loop(folder: Path, pack_name: str, number: int, count: int, source: PackLoop) -> PackedLoop:
    """Write one loop and its stems as 24-bit WAV with tags."""
    info = audio.probe(source.path)
    waveform = _decoded(source.path, info.sample_rate, min(info.channels, 2))
    if whole_bars(source.path, waveform.shape[1] / info.sample_rate, source.bpm) != source.bars:
        raise AudioError(source.path, f"does not last {source.bars} bars at {source.bpm:g} BPM; give both as they are")
    digits = max(2, len(str(count)))
    key = plain_word((source.key or "").replace("#", "sharp")).strip("-")
    name = "_".join(word for word in (pack_name, f"{number:0{digits}d}", tempo_word(source.bpm), key) if word)
    stems = {_stem_name(stem, name, source): path for stem, path in source.stems.items()}
    if len({stem.casefold() for stem in stems}) < len(source.stems):  # one file on many disks
        raise AudioError(source.path, "two of its stems have one name but for special characters or case; rename one")
    score = read_notes(source.midi, 4 * source.bars) if source.midi else Score()
    loop = PackedLoop(
        name=name,
        title=display_name(source.title or source.path.stem),
        bpm=source.bpm,
        bars=source.bars,
        key=source.key and display_name(source.key),
        frames=waveform.shape[1],
        sample_rate=info.sample_rate,
        channels=len(waveform),
        comment=source.comment,
        stems={stem: f"{STEMS}/{name}_{stem}.wav" for stem in stems},
        midi=source.midi,
        tracks=score.tracks,
        midi_differs=score.differs(source.bpm),
    )
    _write_wav(folder / loop.wav, waveform, loop, loop.title)
    for stem, path in stems.items():
        stem_info = audio.probe(path)
        if (stem_info.frames, stem_info.sample_rate) != (loop.frames, loop.sample_rate):
            has = f"{stem_info.frames} frames at {stem_info.sample_rate} Hz"
            raise AudioError(path, f"has {has}, its loop {loop.frames} at {loop.sample_rate}; export both alike")
        waveform = _decoded(path, loop.sample_rate, min(stem_info.channels, 2))
        _write_wav(folder / loop.stems[stem], waveform, loop, f"{loop.title} {stem}")
    return loop


def _decoded(path: Path, sample_rate: int, channels: int) -> np.ndarray:
    waveform = audio.decode(path, sample_rate, channels, exact=True)
    peak = float(np.abs(waveform).max())
    if peak > 1:
        over = 20 * np.log10(peak)
        raise AudioError(path, f"peaks {over:.1f} dB above full scale, which 24 bit cannot hold; turn it down")
    return waveform


def _stem_name(stem: str, name: str, source: PackLoop) -> str:
    word = plain_word(stem).strip("-")
    if not word:
        raise AudioError(source.stems[stem], f"a stem of {name} has no letter or digit in its name; rename it")
    return word


def _write_wav(path: Path, waveform: np.ndarray, loop: PackedLoop, title: str) -> None:
    path.parent.mkdir(exist_ok=True)
    software = f"fourfloor {fourfloor.__version__}"
    tags = LoopTags(bpm=loop.bpm, bars=loop.bars, title=title, key=loop.key, comment=loop.comment, software=software)
    audio.write_loop(path, waveform, tags, loop.sample_rate)


def _tempo_notes(loops: Sequence[PackedLoop]) -> list[str]:
    notes = []
    for loop in loops:
        notes += [f"the MIDI file of {loop.name} {other}" for other in loop.midi_differs]
        off = loop.frames - round(loop.bars * 240 / loop.bpm * loop.sample_rate)
        if abs(off) > 1:
            side = "longer" if off > 0 else "shorter"
            notes.append(f"{loop.name} is {abs(off)} samples {side} than {loop.bars} bars at {loop.bpm:g} BPM")
    return notes


def _described(loop: PackedLoop) -> dict[str, Any]:
    return {
        "name": loop.name, "title": loop.title, "bpm": loop.bpm, "bars": loop.bars, "key": loop.key,
        "frames": loop.frames, "sample_rate": loop.sample_rate, "channels": loop.channels, "facts": loop.facts,
        "stems": dict(loop.stems), "midi": bool(loop.midi),
    }  # fmt: skip
