"""Folders and names -> the audio files in them, and what could not be reached.

In: files and folders as the user named them. Out: a sorted list of paths, and one line for each thing left out.
"""

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from fourfloor.errors import FourfloorError

PathLike = str | os.PathLike[str]

# What music is called, read here or not: the content decides, and says which program converts the rest.
AUDIO_EXTENSIONS = frozenset(
    [
        ".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".mpga", ".aif",
        ".aiff", ".aifc", ".caf", ".au", ".snd", ".m4a", ".m4b", ".m4p", ".mp4", ".aac", ".ac3", ".wma", ".ape", ".wv",
        ".mpc", ".tta", ".mka", ".webm", ".ra", ".voc", ".dsf", ".dff",
    ]
)  # fmt: skip
STEMS_LEFT_OUT = "holds the stems of a loop that is read itself; name the folder to read them"
# Folders that fourfloor writes, by what lies in them: their audio was generated, or is in another form.
OWN_FOLDERS = {
    ("run.json", "checkpoints"): "is a training run, and its loops are samples of it; name its folder listening to "
    "read them",
    ("library.sqlite", "loops"): "is a library of the studio; name its folder loops to read its loops",
    ("pack.json", "loops"): "is a pack, with each loop in several formats; name its folder loops to read its loops",
    ("comparison.json", "comparison.html"): "is a report of compare with loops of each system; name a folder of music",
    (
        "catalogue.json",
        "audio.i16",
    ): "is a dataset already: train on it with --data, or name the music that it was made of",
}
_SPECIAL = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


class AudioError(FourfloorError):
    """Say in one line which file failed, why, and what to do."""

    def __init__(self, path: PathLike, reason: str):
        super().__init__(f"{display_name(path)}: {reason}")
        self.path = Path(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type["AudioError"], tuple[Path, str]]:
        return type(self), (self.path, self.reason)  # crosses process boundaries


def display_name(path: PathLike) -> str:
    """Return a path as one printable line: control characters, lone surrogates and newlines are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in os.fspath(path))


def file_kind(mode: int) -> str:
    """Name what a `st_mode` that is not a regular file stands for."""
    return "a folder" if stat.S_ISDIR(mode) else _SPECIAL.get(stat.S_IFMT(mode), "not a regular file")


def one_line(error: BaseException) -> str:
    """Return the reason in an exception as one line, without paths of its own."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return " ".join(text.split())


def few_lines(rows: Sequence[tuple[str, str]], most: int = 20) -> list[str]:
    """Say what became of files, `(file, what)`, in at most `most` lines: of many that are alike one stands for all."""
    if len(rows) <= most:
        return [f"{file}: {what}" for file, what in rows]
    alike: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for file, what in rows:  # names and numbers differ, the first words do not
        alike[tuple(re.sub(r"[\d.]+", "#", what).split()[:4])].append((file, what))
    groups = sorted(alike.values(), key=len, reverse=True)
    shown = groups if len(groups) <= most else groups[: most - 1]
    lines = []
    for (file, what), *others in shown:
        also = ", ".join(os.path.basename(other) for other, _ in others[:2])
        lines.append(f"{file}: {what}" + (f"; {len(others)} more like this, such as {also}" if others else ""))
    rest = sum(map(len, groups[len(shown) :]))
    return lines + ([f"{rest} more files"] if rest else [])


def find_audio(folders: Iterable[PathLike]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the audio files in folders, recursively and sorted, and `(path, reason)` for what was left out.

    A file named directly is taken whatever its extension. Hidden names are ignored. Links are followed; a file
    or folder reached twice counts once, so loops of links end. Folders that fourfloor wrote are left out: a model
    would learn from its own loops. The folder x_stems beside x.wav is left out: the same
    music would count twice, and lie on both sides where tracks are held out.
    """
    found: list[Path] = []
    rejected: list[tuple[Path, str]] = []
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        _collect(Path(folder), found, rejected, seen, named=True)
    return found, rejected


def _own_folder(names: Iterable[str]) -> str | None:
    """Return why a folder that fourfloor wrote is left out, None for any other; `names` are those in it."""
    return next((reason for marks, reason in OWN_FOLDERS.items() if set(marks) <= set(names)), None)


def _stem_folders(names: Iterable[str]) -> set[str]:
    """Return those of a folder's names that mean the stems of an audio file in it, as `stems` and `produce` write."""
    files = {os.path.splitext(name)[0] for name in names if os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS}
    return {name for name in names if name.endswith("_stems") and name.removesuffix("_stems") in files}


def _collect(
    path: Path, found: list[Path], rejected: list[tuple[Path, str]], seen: set[tuple[int, int]], named: bool = False
) -> None:
    """Add what lies at or under one path, depth first and sorted, to the lists."""
    pending = [(path, named)]
    while pending:
        path, named = pending.pop()
        try:
            status = path.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in seen:
                continue
            seen.add(identity)
            if stat.S_ISDIR(status.st_mode):
                names = sorted((name for name in os.listdir(path) if not name.startswith(".")), reverse=True)
                if reason := _own_folder(names):
                    rejected.append((path, reason))
                    continue
                stems = _stem_folders(names)
                pending += [(path / name, False) for name in names if name not in stems]
                rejected += [(path / name, STEMS_LEFT_OUT) for name in names if name in stems]
                continue
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            if named or isinstance(error, PermissionError) or path.suffix.lower() in AUDIO_EXTENSIONS:
                rejected.append((path, f"cannot be read ({one_line(error)}); check the path and its permissions"))
            continue
        if not stat.S_ISREG(status.st_mode):
            rejected.append((path, f"is {file_kind(status.st_mode)}, not a file; name regular files or folders"))
        elif named or path.suffix.lower() in AUDIO_EXTENSIONS:
            found.append(path)
