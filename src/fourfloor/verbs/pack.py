"""Loops on disk or in memory -> a pack."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from fourfloor.api.loops import Loop, editable
from fourfloor.arguments import typed
from fourfloor.audio import AudioError
from fourfloor.packs import FORMATS, PackLoop, PackReport
from fourfloor.packs import pack as pack_files
from fourfloor.packs.loops import whole_bars
from fourfloor.progress import OnProgress, PathLike, ignore, silent


@typed
def pack(
    loops: PathLike | PackLoop | Loop | Iterable[PathLike | PackLoop | Loop],
    out: PathLike,
    *,
    formats: Sequence[str] = FORMATS,
    name: str | None = None,
    bpm: float | None = None,
    license: str = "",
    stems: bool = False,
    midi: bool = False,
    as_zip: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
) -> PackReport:
    """Write loops, their stems and MIDI as a pack that samplers, DAWs, trackers and live coders open.

    The same loops give the same bytes; only rekordbox.xml names the folder.

    Args:
        loops: Loops in memory, audio files, or folders of them: one or several, at most 999 loops. Files have any
            sample rate, one or two channels, and 1 to 64 whole bars. Beside x.wav, the MIDI file x.mid and the stems in
            the folder x_stems belong to the loop. A `fourfloor.packs.PackLoop` names the files of a loop one by one.
        out: The folder to write; with `as_zip` the zip file, and `.zip` is added to a name without it. The pack appears
            whole or not at all.
        formats: Formats to write, from `fourfloor.packs.FORMATS`; all by default. WAV files are always written.
        name: Name of the pack, part of every file name: up to 64 letters, digits, `-` and `_`; by default the name of
            `out`.
        bpm: Tempo of all files that are given as paths, 20-999; by default from their tags or names.
        license: License to state in the pack, one line.
        stems: Separate each loop that has no stems (`stems`); the loop must be stereo, at 44.1 kHz and 90-180 BPM.
        midi: Transcribe each loop that has no MIDI file (`midi`), under the same conditions.
        as_zip: Write one zip file instead of a folder.
        overwrite: Replace an existing pack.
        on_progress: Called with (done, total, text) after each loop and each format.

    Returns:
        A `PackReport`: the names of the loops, all files relative to `out`, and notes for the user.

    Raises:
        FourfloorError: A loop has no tempo or no whole bars, an argument is out of range, or the disk is full.

    Example:
        >>> import fourfloor as ff
        >>> loops = ff.load("warehouse").generate_many(2, bars=1, seed=3)
        >>> report = ff.pack(loops, "my-pack", formats=["sfz"], license="CC0-1.0")
        >>> report.loops
        ('my-pack_01_126bpm', 'my-pack_02_126bpm')
        >>> [file for file in report.files if file.startswith("sfz/")]
        ['sfz/my-pack.sfz', 'sfz/my-pack_01_126bpm_slices.sfz', 'sfz/my-pack_02_126bpm_slices.sfz']
    """
    several = [loops] if isinstance(loops, str | os.PathLike | PackLoop | Loop) else loops
    with TemporaryDirectory() as folder:
        return pack_files(
            _on_disk(several, Path(folder), stems or midi), out, formats=formats, name=name, bpm=bpm, license=license,
            as_zip=as_zip, overwrite=overwrite, complete=_taking_apart(Path(folder), stems, midi),
            on_progress=silent(on_progress),
        )  # fmt: skip


def _taking_apart(folder: Path, stems: bool, midi: bool) -> Callable[[PackLoop], PackLoop]:
    """Return what adds the stems and notes that a loop lacks, written to folders of their own below `folder`."""
    from fourfloor.verbs import edit

    numbers = itertools.count()

    def complete(loop: PackLoop) -> PackLoop:
        place = folder / f"parts{next(numbers)}"
        if stems and not loop.stems:
            (made,) = edit.stems(loop.path, out=place, bpm=loop.bpm)
            loop = replace(loop, stems=made.stems)
        if midi and not loop.midi:
            (notes,) = edit.midi(loop.path, out=place, bpm=loop.bpm)
            loop = replace(loop, midi=notes.file)
        return loop

    return complete


def _on_disk(loops: Iterable[PathLike | PackLoop | Loop], folder: Path, apart: bool) -> Iterator[PathLike | PackLoop]:
    """Save the loops that are in memory, 24 bit as a pack has them, and pass the others on."""
    for number, loop in enumerate(loops):
        if not isinstance(loop, Loop):
            yield loop
            continue
        name = f"loops[{number}]"
        try:
            path = loop.save(folder / f"{number}.wav")
        except AudioError as error:
            raise AudioError(name, error.reason) from None
        whole_bars(name, loop.waveform.shape[1] / loop.sample_rate, loop.bpm)
        if apart:
            editable(loop, name)
        yield PackLoop(path=path, bpm=loop.bpm, bars=loop.bars, key=loop.key, title=loop.title, comment=loop.comment)
