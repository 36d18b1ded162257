"""Tracks against each other -> which loops stay, and which tracks are held out for validation.

In come the analyses of all tracks in a fixed order, out come the loops each one keeps and its split. Tracks that share
audio always share a split: what the model was trained on must not be held out.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from fourfloor.ingestion import picking
from fourfloor.ingestion.analysis import TrackAnalysis

# Two fits of the same recording differ less; another tempo is another grid, and the outlines would not line up.
_SAME_TEMPO = 0.005
FULL_RATE = 44_100  # a higher rate holds nothing more that a loop keeps


@dataclass(kw_only=True)
class Selection:
    """Say which of a track's sound loops are kept (`kept`, indices) and why others are not; `group` shares a split."""

    kept: list[int] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    group: int = 0
    same_as: int | None = None
    split: str = "train"


def select(analyses: list[TrackAnalysis], thresholds: picking.Thresholds, most: int | None) -> list[Selection]:
    """Drop what another track already has, then what is over the track's share.

    Of the tracks with the same audio the best one keeps its loops, of others that share a loop the first.
    """
    originals = _originals(analyses, thresholds)
    selections = [
        Selection(group=original, dropped=track.dropped.copy(), same_as=None if original == number else original)
        for number, (track, original) in enumerate(zip(analyses, originals, strict=True))
    ]
    kept_marks: list[np.ndarray] = []
    for track, selection in zip(analyses, selections, strict=True):
        count = len(track.bar_numbers)
        if selection.same_as is not None:
            selection.dropped[picking.SAME_AUDIO] += count
        else:
            fresh = _fresh(track.fingerprints, kept_marks, selections, selection, thresholds)
            selection.kept = [fresh[index] for index in picking.spread(len(fresh), most)]
            selection.dropped[picking.DUPLICATE] += count - len(fresh)
            selection.dropped[picking.OVER_CAP] += len(fresh) - len(selection.kept)
        kept_marks.append(track.fingerprints[selection.kept])
        selection.dropped = +selection.dropped
    return selections


def _originals(analyses: list[TrackAnalysis], thresholds: picking.Thresholds) -> list[int]:
    """Return for each track the best one with the same audio, whatever its name, codec, length or start."""
    originals = list(range(len(analyses)))
    found: list[int] = []
    for number in sorted(originals, key=lambda number: (-_worth(analyses[number]), number)):
        same = (other for other in found if _is_same_audio(analyses[other], analyses[number], thresholds))
        originals[number] = next(same, number)
        if originals[number] == number:
            found.append(number)
    return originals


def _worth(track: TrackAnalysis) -> float:
    """Weigh a track against its copies: by its sound loops, a quarter more without loss, less at a lower rate."""
    return len(track.bar_numbers) * (1.25 if track.lossless else 1.0) * min(1.0, track.sample_rate / FULL_RATE)


def _is_same_audio(one: TrackAnalysis, other: TrackAnalysis, thresholds: picking.Thresholds) -> bool:
    comparable = len(one.outline) and len(other.outline) and abs(other.bpm / one.bpm - 1) < _SAME_TEMPO
    return bool(comparable) and picking.similarity(one.outline, other.outline) >= thresholds.same_audio


def _fresh(
    marks: np.ndarray,
    kept_marks: list[np.ndarray],
    selections: list[Selection],
    selection: Selection,
    thresholds: picking.Thresholds,
) -> list[int]:
    """Return the loops that no earlier track has; join the groups of the tracks that have them."""
    known = np.zeros(len(marks), bool)
    for number, others in enumerate(kept_marks):
        if not len(others) or not len(marks):
            continue
        shared = picking.correlations(marks, others).max(axis=1) >= thresholds.duplicate
        if shared.any():
            known |= shared
            joined, group = selection.group, selections[number].group
            for one in selections:
                one.group = group if one.group == joined else one.group
    return np.flatnonzero(~known).tolist()


def split(analyses: list[TrackAnalysis], selections: list[Selection], share: float, seed: int) -> None:
    """Hold out whole groups of tracks, chosen by content and seed alone, until about `share` of the loops are.

    With three tracks or more at least one is held out, unless all of them share audio; one is always left to train on.
    """
    sizes: Counter[int] = Counter()
    names: dict[int, str] = {}
    for track, selection in zip(analyses, selections, strict=True):
        sizes[selection.group] += len(selection.kept)
        names[selection.group] = min(track.sha256, names.get(selection.group, track.sha256))
    groups = [group for group in sizes if sizes[group]]
    groups.sort(key=lambda group: hashlib.sha256(f"{seed}:{names[group]}".encode()).digest())
    wanted = share * sum(sizes.values())
    held_out: set[int] = set()
    for group in groups:
        # Take a group where that brings the number held out nearer to the number wanted.
        if 2 * wanted >= 2 * sum(sizes[one] for one in held_out) + sizes[group] and len(held_out) < len(groups) - 1:
            held_out.add(group)
    tracks = sum(bool(selection.kept) for selection in selections)
    if share > 0 and not held_out and tracks >= 3 and len(groups) > 1:
        held_out.add(min(groups, key=lambda group: (sizes[group], groups.index(group))))
    for selection in selections:
        selection.split = "validation" if selection.group in held_out else "train"
