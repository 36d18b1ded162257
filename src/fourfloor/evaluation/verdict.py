"""Gates, anchors and the verdict: rows of numbers go in; music, in style, new come out: true, false or None.

Every gate stands beside the row it is judged by. A gate that the dataset cannot judge (too few held-out tracks, too
few loops) says so and is None; the verdict is then None too, unless another gate of its kind already failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.evaluation.numbers import Ruler

Numbers = Mapping[str, float]
KINDS = {
    "music": ("sane", "pulse", "independence", "tempo", "repetition", "seam"),
    "in_style": ("style", "diversity"),
    "new": ("copies", "margin"),
}
MIN_TRACKS = 10  # held-out tracks, below which the style distance cannot be judged
# Held out, below which even real music often leaves its anchors: of 100 random sets of 27 real tracks 38 with one track
# and eight loops, 9 with four tracks and eight loops, none with these (docs/log.md, 2026-11-27).
ANCHOR_TRACKS, ANCHOR_LOOPS = 6, 12
MIN_LOOPS = 32  # judged loops, below which a set has no distance and no diversity


class NotAnchoredError(FourfloorError):
    """The held-out tracks are too few or the reference rows lie outside their expected ranges: there is no verdict."""

    exit_code = 3


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One gate: the value, the range it must lie in, who set the range, and whether it does; None: cannot be judged."""

    number: str
    value: float
    low: float
    high: float
    judged_by: str
    passes: bool | None


def judge(numbers: Numbers, rows: Mapping[str, Numbers], ruler: Ruler, n_loops: int) -> dict[str, Gate]:
    """Hold the ten numbers against their gates."""
    held_out = rows["A"]
    tracks = len(set(ruler.held_out.tracks))
    enough = n_loops >= MIN_LOOPS
    inf = float("inf")
    gates = {
        "sane": _gate("sane", numbers, 0.9 * held_out["sane"], inf, "0.9 x held-out (A)"),
        "tempo": _gate("tempo", numbers, 0.9, inf, "fixed"),
        "seam": _gate("seam", numbers, held_out["seam"] - 0.05, inf, "held-out (A) - 0.05"),
        "diversity": _gate("diversity", numbers, 0.7, 1.2, "fixed", enough, f"needs {MIN_LOOPS} loops"),
        "copies": _gate("copies", numbers, -inf, 0.0, "fixed"),
        "margin": _gate("margin", numbers, -inf, 1.15, "held-out (A)"),
    }
    for number in ("pulse", "independence", "repetition"):
        low, high = ruler.envelope.low.get(number, -inf), ruler.envelope.high.get(number, inf)
        gates[number] = _gate(number, numbers, low, high, "5-95 % of the training loops")
    strangers = [rows[letter]["style"] for letter in "BJ" if letter in rows]
    # Shuffled loops lie at row C, half of them under it: only the low end of its interval keeps them out.
    strangers += [rows["C"]["style_low"]] if "C" in rows else []
    missing = [letter for letter in "BCJ" if letter not in rows]
    why = f"needs {MIN_TRACKS} held-out tracks, there are {tracks}" if tracks < MIN_TRACKS else ""
    why = why or ("needs the rows " + ", ".join(missing) if missing else "")
    why = why or ("" if enough else f"needs {MIN_LOOPS} loops")
    strange = "other style (B), interval of shuffled (C), slices (J)"
    gates["style"] = _gate("style", numbers, -inf, min(strangers, default=inf), strange, not why, why)
    return {number: gates[number] for kind in KINDS.values() for number in kind}


def _gate(
    number: str, numbers: Numbers, low: float, high: float, judged_by: str, possible: bool = True, why: str = ""
) -> Gate:
    value = numbers[number]
    judged = possible and np.isfinite(value) and not np.isnan(low) and not np.isnan(high)
    # A median of bar repetition that does not exist (loops of one bar) is nothing to fail by.
    passes = bool(low <= value <= high) if judged else None
    return Gate(
        number=number,
        value=value,
        low=low,
        high=high,
        passes=passes,
        judged_by=judged_by if judged else f"{judged_by}: cannot be judged" + (f", {why}" if why else ""),
    )


def verdict_of(gates: Mapping[str, Gate], optional: tuple[str, ...] = ()) -> dict[str, bool | None]:
    """Sum the gates up in three words; `optional` numbers do not exist for these loops."""
    words: dict[str, bool | None] = {}
    for kind, numbers in KINDS.items():
        passes = [gates[number].passes for number in numbers if number not in optional]
        words[kind] = False if False in passes else None if None in passes else True
    return words


def beats_slices(numbers: Numbers, rows: Mapping[str, Numbers], verdict: Mapping[str, bool | None]) -> bool | None:
    """Return whether a model is better than lining up slices: nearer in style, intervals apart, and new."""
    if "J" not in rows or not np.isfinite(numbers["style_high"]) or not np.isfinite(rows["J"]["style_low"]):
        return None
    return bool(numbers["style_high"] < rows["J"]["style_low"] and verdict["new"])


# Row: (number, least, most). Declared on one half of 27 real tracks and checked with the halves exchanged.
ANCHORS: dict[str, tuple[tuple[str, float, float], ...]] = {
    "A": (("sane", 0.75, 1.0), ("tempo", 0.85, 1.0), ("seam", 0.8, 1.0), ("diversity", 0.6, 1.4)),
    "B": (("style", 25.0, 300.0),),
    "D": (("sane", 0.0, 0.05), ("pulse", 0.0, 0.35), ("tempo", 0.0, 0.3), ("style", 60.0, 300.0)),
    "E": (("sane", 0.0, 0.05), ("independence", -1.0, 0.1), ("style", 40.0, 300.0)),
    "F": (("sane", 0.0, 0.1), ("style", 40.0, 300.0)),
    "G": (("diversity", 0.0, 0.7), ("style", 15.0, 300.0)),
    "H": (("copies", 0.97, 1.0), ("margin", 1.15, 99.0)),
    "L": (("clarity_db", 0.0, 8.0),),
    "M": (("bass_in_key", 0.0, 0.4),),
    "N": (("clarity_db", 20.0, 60.0), ("in_scale", 0.9, 1.0), ("bass_steady", 0.9, 1.0), ("bass_spread", 0.0, 0.2)),
}
STYLE_ORDER = "ACD"


def too_few(loops: int, tracks: int) -> list[str]:
    """Say what a held-out set of so many loops and tracks lacks to anchor a scale; empty when it is enough."""
    if loops >= ANCHOR_LOOPS and tracks >= ANCHOR_TRACKS:
        return []
    need = f"{ANCHOR_LOOPS} loops of {ANCHOR_TRACKS} tracks, or {MIN_TRACKS} tracks to judge the style as well"
    plural = "s"[: tracks != 1]
    return [f"{loops} held-out loops of {tracks} track{plural} are too few: hold out at least {need}"]


def broken_anchors(rows: Mapping[str, Numbers]) -> list[str]:
    """List the rows that lie outside their expected ranges, in words; empty when the scale holds."""
    broken = []
    for letter, limits in ANCHORS.items():
        for number, least, most in limits:
            value = rows.get(letter, {}).get(number, float("nan"))
            if np.isfinite(value) and not least <= value <= most:
                broken.append(f"row {letter}: {number} is {value:.2f}, must be {least:g} to {most:g}")
    placed = [(letter, rows[letter]["style"]) for letter in STYLE_ORDER if letter in rows]
    placed = [(letter, value) for letter, value in placed if np.isfinite(value)]
    for (nearer, near), (farther, far) in pairwise(placed):
        if not near < far:
            broken.append(f"row {nearer} ({near:.1f}) is not nearer in style than row {farther} ({far:.1f})")
    return broken
