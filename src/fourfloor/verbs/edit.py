"""A loop that is there -> its stems, its notes, or its groove from other sounds: files beside it, or in `out`."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fourfloor import __version__, audio
from fourfloor.api.outputs import refuse_existing
from fourfloor.arguments import typed
from fourfloor.errors import FourfloorError
from fourfloor.progress import OnProgress, PathLike, ignore, silent
from fourfloor.saving import output_folder, save_file
from fourfloor.verbs.edited import MidiFile, ReplayedFile, StemFiles
from fourfloor.workspace import Workspace, finish_interrupted

if TYPE_CHECKING:
    from fourfloor.editing.source import Source

SILENT_DB = -70.0  # a stem below holds nothing to hear
Made = TypeVar("Made")


@typed
def stems(
    loops: PathLike | Iterable[PathLike],
    *,
    out: PathLike | None = None,
    bpm: float | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
) -> tuple[StemFiles, ...]:
    """Split loops into kick, drums, bass and music, which sum to the loop exactly.

    The stems of x.wav are written to the folder x_stems: WAV files of the same length and with the same tags, 44.1 kHz,
    stereo, 24 bit. All four of a loop appear, or none.

    Args:
        loops: One or several files: stereo loops of whole bars at 44.1 kHz.
        out: A folder for the folders of stems; by default beside each loop.
        bpm: Tempo of all loops in BPM, 90-180; by default from their tags or names.
        overwrite: Replace existing files.
        on_progress: Called with (done, total, text) after each loop.

    Returns:
        One `StemFiles` per loop.

    Raises:
        FourfloorError: Before any work, where a file is not such a loop or would be replaced.

    Example:
        >>> import fourfloor as ff
        >>> path = ff.load("warehouse").generate(bars=1, seed=3).save("loop.wav", overwrite=True)
        >>> (made,) = ff.stems("loop.wav", overwrite=True)
        >>> made.stems["kick"].as_posix()
        'loop_stems/loop_kick.wav'
    """
    from fourfloor.editing.stems import separate, to_steps
    from fourfloor.representations.stems import STEMS

    def targets(path: Path, place: Path) -> list[Path]:
        return [place / f"{path.stem}_stems" / f"{path.stem}_{name}.wav" for name in STEMS]

    def make(source: "Source", files: list[Path]) -> StemFiles:
        parts = to_steps(separate(source.waveform, source.bars), source.waveform)
        ours = frozenset(file.name for file in files)
        finish_interrupted(files[0].parent, ours)
        with Workspace(files[0].parent, ours) as work:
            for file, part in zip(files, parts, strict=True):
                audio.write_loop(work.new / file.name, part, source.tags)
            work.place()
        levels = {name: _level_db(part) for name, part in zip(STEMS, parts, strict=True)}
        return StemFiles(
            loop=source.path, bpm=source.bpm, bars=source.bars, stems=dict(zip(STEMS, files, strict=True)),
            levels_db=levels,
        )  # fmt: skip

    return _edit(loops, out, bpm, overwrite, targets, make, on_progress)


@typed
def midi(
    loops: PathLike | Iterable[PathLike],
    *,
    out: PathLike | None = None,
    bpm: float | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
) -> tuple[MidiFile, ...]:
    """Transcribe the drums and the bass of loops to MIDI files.

    The notes of x.wav are written to x.mid: drums on channel 10 (General MIDI), the bass on channel 1, the tempo,
    4/4, and an end of track on the loop's last tick.

    Args:
        loops: One or several files: stereo loops of whole bars at 44.1 kHz.
        out: A folder for the MIDI files; by default beside each loop.
        bpm: Tempo of all loops in BPM, 90-180; by default from their tags or names.
        overwrite: Replace existing files.
        on_progress: Called with (done, total, text) after each loop.

    Returns:
        One `MidiFile` per loop.

    Raises:
        FourfloorError: Before any work, where a file is not such a loop or would be replaced.

    Example:
        >>> import fourfloor as ff
        >>> path = ff.load("warehouse").generate(bars=1, seed=3).save("loop.wav", overwrite=True)
        >>> (made,) = ff.midi("loop.wav", overwrite=True)
        >>> made.file.name
        'loop.mid'
    """
    from fourfloor.editing.midi import transcribe
    from fourfloor.producer.midi import midi_bytes

    def targets(path: Path, place: Path) -> list[Path]:
        return [place / f"{path.stem}.mid"]

    def make(source: "Source", files: list[Path]) -> MidiFile:
        events = transcribe(source.waveform, source.bars)
        save_file(files[0], midi_bytes(events, source.bpm, source.bars))
        notes = dict(Counter(event.instrument for event in events))
        return MidiFile(loop=source.path, bpm=source.bpm, bars=source.bars, file=files[0], notes=notes)

    return _edit(loops, out, bpm, overwrite, targets, make, on_progress)


@typed
def rekit(
    loops: PathLike | Iterable[PathLike],
    *,
    kit: PathLike,
    out: PathLike | None = None,
    bpm: float | None = None,
    bass: str = "saw",
    keep_music: bool = False,
    seed: int = 0,
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
) -> tuple[ReplayedFile, ...]:
    """Replay the drums of loops with your own one-shots, and their bass with a synth.

    The result of x.wav is written to x_rekit.wav. It closes as the loop does.

    Args:
        loops: One or several files: stereo loops of whole bars at 44.1 kHz.
        kit: A folder of one-shots, sorted by their names: kick or bd, snare or sd, clap or cp, hat, hh or ch, open or
            oh (docs/producer.md). It needs a kick.
        out: A folder for the new loops; by default beside each loop.
        bpm: Tempo of all loops in BPM, 90-180; by default from their tags or names.
        bass: The synth's sound: "saw", "sub", "square", "organ", "fm" or "reese".
        keep_music: Add the separated music of the loop.
        seed: Chooses the one-shots of the kit and the knobs of the synth.
        overwrite: Replace existing files.
        on_progress: Called with (done, total, text) after each loop.

    Returns:
        One `ReplayedFile` per loop.

    Raises:
        FourfloorError: Before any work, where a file is not such a loop or would be replaced, or the kit holds no kick.

    Example:
        >>> import fourfloor as ff
        >>> (made,) = ff.rekit("loop.wav", kit="my one-shots")  # doctest: +SKIP
        >>> made.left_out  # doctest: +SKIP
        {}
    """
    from fourfloor.editing import rekit as editing

    sounds = editing.open_kit(Path(kit))

    def targets(path: Path, place: Path) -> list[Path]:
        return [place / f"{path.stem}_rekit.wav"]

    def make(source: "Source", files: list[Path]) -> ReplayedFile:
        made = editing.rekit(source.waveform, source.bars, sounds, bass=bass, keep_music=keep_music, seed=seed)
        comment = {"rekit": source.tags.title, "kit": sounds.content[:16], "bass": bass, "seed": seed}
        tags = replace(
            source.tags,
            title=audio.display_name(files[0].stem),
            comment=json.dumps(comment),
            software=f"fourfloor {__version__}",
        )
        audio.write_loop(files[0], made.waveform, tags)
        notes = dict(Counter(event.instrument for event in made.events))
        return ReplayedFile(
            loop=source.path, bpm=source.bpm, bars=source.bars, file=files[0], notes=notes, left_out=made.left_out
        )

    return _edit(loops, out, bpm, overwrite, targets, make, on_progress)


def _edit(
    loops: PathLike | Iterable[PathLike],
    out: PathLike | None,
    bpm: float | None,
    overwrite: bool,
    targets: Callable[[Path, Path], list[Path]],
    make: Callable[["Source", list[Path]], Made],
    on_progress: OnProgress,
) -> tuple[Made, ...]:
    """Check every loop and every file that would be written, then make one loop's files after another's."""
    from fourfloor.editing.source import check_source, read_source

    paths = [Path(path) for path in ([loops] if isinstance(loops, str | os.PathLike) else loops)]
    if not paths:
        raise FourfloorError("no loops are given; name WAV files of whole bars")
    files = [targets(path, Path(out) if out is not None else path.parent) for path in paths]
    for path, of_path in zip(paths, files, strict=True):
        check_source(path, bpm)
        if sum(other == of_path for other in files) > 1:
            raise FourfloorError(f"{path}: two of the loops would be written as {of_path[0]}; edit them one by one")
        if not overwrite:
            refuse_existing(of_path[0].parent, [file.name for file in of_path])
    tell, made = silent(on_progress), []
    for number, (path, of_path) in enumerate(zip(paths, files, strict=True)):
        source = read_source(path, bpm)
        with output_folder(of_path[0].parent):
            made.append(make(source, of_path))
        tell(number + 1, len(paths), path.name)
    return tuple(made)


def _level_db(waveform: np.ndarray) -> float | None:
    level = 10 * np.log10(float(np.mean(np.square(waveform))) + 1e-12)
    return round(level, 1) if level > SILENT_DB else None
