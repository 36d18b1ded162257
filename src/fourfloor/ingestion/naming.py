"""Paths -> the names by which a dataset, its reports and the copy search call its tracks: no two are alike."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fourfloor.audio import display_name


def track_names(paths: Sequence[Path], sources: Sequence[Path]) -> list[str]:
    """Return one name a path: its place inside the folder that was named, or the file's own name.

    Where two names are equal (two albums with a 01.wav), each takes as many parent folders as tell them apart.
    """
    places = [Path(os.path.abspath(path)).parts for path in paths]
    return [display_name(name) for name in apart(places, [_inside(path, sources) for path in paths])]


def apart(places: Sequence[Sequence[str]], lengths: Sequence[int]) -> list[str]:
    """Return the last parts of each place, `lengths` of them, and as many more as tell equal names apart."""
    while True:
        ends = [place[-length:] for place, length in zip(places, lengths, strict=True)]
        names = [os.path.join(*end).replace(os.sep, "/") for end in ends]
        uses = Counter(names)
        longer = [
            min(length + (uses[name] > 1), len(place))
            for name, length, place in zip(names, lengths, places, strict=True)
        ]
        if longer == lengths:
            return names
        lengths = longer


def _inside(path: Path, sources: Sequence[Path]) -> int:
    """Count the parts of a path below the outermost folder that was named; 1 for a file named itself."""
    inside = [path.relative_to(source) for source in sources if path != source and path.is_relative_to(source)]
    return max((len(part.parts) for part in inside), default=1)
