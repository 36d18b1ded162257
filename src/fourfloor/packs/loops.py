"""Files and folders -> the loops of a pack, with tempo, key, stems and MIDI.

In: WAV, FLAC or AIFF files of whole bars. Beside `kick.wav` lie its MIDI file `kick.mid` and the folder `kick_stems` of
its stems, `kick_stems/kick_hat.wav` or `kick_stems/hat.wav`, as `produce --stems --midi` writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fourfloor import audio
from fourfloor.arguments import check_range, check_types
from fourfloor.audio import AudioError
from fourfloor.audio.files import PathLike
from fourfloor.errors import FourfloorError

# What a DAW's own rounding adds to or takes from a loop; more is a tail or another tempo.
TOLERANCE_SECONDS = 0.001
TEMPI = (20, 999)  # in BPM
MAX_BARS = 64
MAX_LOOPS = 999


@dataclass(frozen=True, kw_only=True)
class PackLoop:
    """Name the files of one loop: audio of `bars` whole 4/4 bars at `bpm`, stems of equal length by name, MIDI."""

    path: Path
    bpm: float
    bars: int
    key: str | None = None
    title: str = ""
    comment: str = ""  # as in the file's tags
    stems: Mapping[str, Path] = field(default_factory=dict)
    midi: Path | None = None

    def __post_init__(self) -> None:
        check_types(self)
        check_range("bpm", self.bpm, *TEMPI)
        check_range("bars", self.bars, 1, MAX_BARS)


def find_loops(paths: Iterable[PathLike], bpm: float | None = None) -> list[PackLoop]:
    """Return the loops in files and folders (not their subfolders), in order of name.

    The tempo is `bpm`, or the file's tag, or what its name gives. Raise FourfloorError where a loop has none, or is not
    of whole bars.
    """
    if bpm is not None:
        check_range("bpm", bpm, *TEMPI)
    files = [file for path in paths for file in _audio_files(Path(path))]
    if not files:
        raise FourfloorError("no loops to pack: name WAV files, or folders that hold some")
    return [_loop(file, bpm) for file in files]


def whole_bars(path: PathLike, seconds: float, bpm: float) -> int:
    """Return how many bars a loop has; raise AudioError where these are not whole."""
    exact = seconds * bpm / 240
    bars = max(1, round(exact))
    if abs(seconds - bars * 240 / bpm) > TOLERANCE_SECONDS:
        fitting = bars * 240 / seconds
        raise AudioError(
            path,
            f"{seconds:.3f} s are {exact:.3f} bars at {bpm:g} BPM; cut it to whole bars, or pass its own tempo "
            f"(--bpm {fitting:.6g} makes {bars})",
        )
    if bars > MAX_BARS:
        raise AudioError(path, f"{bars} bars are more than {MAX_BARS}; cut it into loops")
    return bars


def _audio_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        p for p in path.iterdir() if p.suffix.lower() in audio.AUDIO_EXTENSIONS and not p.name.startswith(".")
    )


def _loop(path: Path, bpm: float | None) -> PackLoop:
    info = audio.probe(path)
    tags = audio.read_tags(path)
    bpm = bpm or (tags.bpm if tags else None) or audio.tempo_in_name(path.stem)
    if bpm is None:
        raise AudioError(path, "neither its tags nor its name give a tempo; pass --bpm")
    return PackLoop(
        path=path,
        bpm=bpm,
        bars=whole_bars(path, info.seconds, bpm),
        key=tags.key if tags else None,
        title=(tags.title if tags else "") or path.stem,
        comment=tags.comment if tags else "",
        stems=_stems(path),
        midi=_midi(path),
    )


def _midi(path: Path) -> Path | None:
    """Return the MIDI file beside a loop: x.mid, or as other programs write it, x.MID or x.midi."""
    beside = (path.with_suffix(suffix) for suffix in (".mid", ".midi", ".MID", ".MIDI", ".Mid"))
    return next((file for file in beside if file.exists()), None)


def _stems(path: Path) -> dict[str, Path]:
    folder = path.with_name(f"{path.stem}_stems")
    files = _audio_files(folder) if folder.is_dir() else []
    return {file.stem.removeprefix(f"{path.stem}_"): file for file in files}
