"""Gates, anchors and the verdict: rows of numbers go in; music, in style, new come out: true, false or None.

Every gate stands beside the row it is judged by. It passes where the whole 95 % interval of its number lies inside the
limits, and fails where all of it lies outside. One that straddles a limit, or that the dataset cannot judge (too few
held-out tracks, too few loops), says so and is None; the verdict is then None too, unless another gate failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.evaluation.distance import Interval
from fourfloor.evaluation.intervals import settled_by
from fourfloor.evaluation.numbers import Norms

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
COPY_ROOM = 0.03  # above the held-out rate: 125 loops without a copy, or 256 with two, are new
MIN_LOOPS = 32  # judged loops, below which a set has no distance and no diversity


class NotAnchoredError(FourfloorError):
    """The held-out tracks are too few or the reference rows lie outside their expected ranges; no verdict then."""

    exit_code = 3


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One gate: the value with its interval, the range it must lie in, who set the range, and whether it does.

    `passes` is true where the whole interval lies inside, false where all of it lies outside, None where it straddles a
    limit or where the dataset cannot judge; `judged_by` then says what would settle it.
    """

    number: str
    value: float
    value_low: float
    value_high: float
    low: float
    high: float
    judged_by: str
    passes: bool | None

    @property
    def is_inside(self) -> bool | None:
        """Whether the value itself lies in the range; None where there is none to judge by. What names failures."""
        judged = np.isfinite(self.value) and not np.isnan(self.low) and not np.isnan(self.high)
        return bool(self.low <= self.value <= self.high) if judged else None


def judge(numbers: Numbers, rows: Mapping[str, Numbers], norms: Norms, n_loops: int) -> dict[str, Gate]:
    """Hold the ten numbers against their gates.

    Limits come from the values of rows, not from their intervals, so noise tightens none. As a whole interval must lie
    inside, the limits of shares leave room for that of 32 loops.
    """
    held_out = rows["A"]
    tracks = len(set(norms.held_out.tracks))
    enough = "" if n_loops >= MIN_LOOPS else f"needs {MIN_LOOPS} loops"
    inf = float("inf")
    limits: dict[str, tuple[float, float, str, str]] = {
        "sane": (0.8 * held_out["sane"], inf, "0.8 x held-out (A)", ""),
        "tempo": (0.8, inf, "fixed", ""),
        "seam": (held_out["seam"] - 0.15, inf, "held-out (A) - 0.15", ""),
        "diversity": (0.7, 1.2, "fixed", enough),
        "copies": (-inf, held_out["copies"] + COPY_ROOM, f"held-out (A) + {COPY_ROOM:g}", ""),
        "margin": (-inf, 1.15, "held-out (A)", ""),
        "style": (*_style_limits(rows), "halfway from held-out (A) to the nearest of B, C, J",
                  _why_no_style(rows, tracks) or enough),
    }  # fmt: skip
    for number in ("pulse", "independence", "repetition"):
        low, high = norms.envelope.low.get(number, -inf), norms.envelope.high.get(number, inf)
        limits[number] = low, high, "5-95 % of the training loops", ""
    units = {"style": (tracks, "held-out tracks")}
    return {
        number: _gate(number, numbers, *limits[number], *units.get(number, (n_loops, "loops")))
        for kind in KINDS.values()
        for number in kind
    }


def _style_limits(rows: Mapping[str, Numbers]) -> tuple[float, float]:
    strangers = [rows[letter]["style"] for letter in "BCJ" if letter in rows]
    return -float("inf"), (rows["A"]["style"] + min(strangers, default=float("inf"))) / 2


def _why_no_style(rows: Mapping[str, Numbers], tracks: int) -> str:
    if tracks < MIN_TRACKS:
        return f"needs {MIN_TRACKS} held-out tracks, there are {tracks}"
    missing = [letter for letter in "BCJ" if letter not in rows]
    return "needs the rows " + ", ".join(missing) if missing else ""


def _gate(number: str, numbers: Numbers, low: float, high: float, judged_by: str, why: str, n: int, unit: str) -> Gate:
    interval = Interval(value=numbers[number], low=numbers[f"{number}_low"], high=numbers[f"{number}_high"])
    passes = None
    if why or not np.isfinite(interval.value) or np.isnan(low) or np.isnan(high):
        # A median of bar repetition that does not exist (loops of one bar) is nothing to fail by.
        judged_by = f"{judged_by}: cannot be judged" + (f", {why}" if why else "")
    elif low <= interval.low and interval.high <= high:
        passes = True
    elif interval.high < low or interval.low > high:
        passes = False
    else:
        judged_by = f"{judged_by}: undecided; some {settled_by(n, interval, low, high):,} {unit} would decide"
    return Gate(
        number=number, value=interval.value, value_low=interval.low, value_high=interval.high, low=low, high=high,
        judged_by=judged_by, passes=passes,
    )  # fmt: skip


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
    return verdict["new"] if numbers["style_high"] < rows["J"]["style_low"] else False


# Row: (number, least, most). Declared on one half of 27 real tracks and checked with the halves exchanged.
ANCHORS: dict[str, tuple[tuple[str, float, float], ...]] = {
    "A": (("sane", 0.75, 1.0), ("tempo", 0.85, 1.0), ("seam", 0.8, 1.0), ("diversity", 0.6, 1.4)),
    "B": (("style", 25.0, 300.0),),
    "D": (("sane", 0.0, 0.05), ("pulse", 0.0, 0.35), ("tempo", 0.0, 0.3), ("style", 60.0, 300.0)),
    "E": (("sane", 0.0, 0.05), ("independence", -1.0, 0.1), ("style", 40.0, 300.0)),
    "F": (("sane", 0.0, 0.1), ("style", 40.0, 300.0)),
    "G": (("diversity", 0.0, 0.7), ("style", 15.0, 300.0)),
    "H": (("copies", 0.97, 1.0), ("margin", 1.15, 99.0)),
    "M": (("bass_in_key", 0.0, 0.4),),
    "N": (("clarity_db", 20.0, 60.0), ("in_scale", 0.9, 1.0), ("bass_steady", 0.9, 1.0), ("bass_spread", 0.0, 0.2)),
}
STYLE_ORDER = "ACD"
CLARITY_ORDER = "LAN"  # of one corpus: how clear music is depends on its drums


def too_few(loops: int, tracks: int) -> list[str]:
    """Say what a held-out set of so many loops and tracks lacks to support a verdict; empty when it is enough."""
    if loops >= ANCHOR_LOOPS and tracks >= ANCHOR_TRACKS:
        return []
    need = f"{ANCHOR_LOOPS} loops of {ANCHOR_TRACKS} tracks, or {MIN_TRACKS} tracks to judge the style as well"
    held_out = f"{loops} held-out loop{'s' * (loops != 1)} of {tracks} track{'s' * (tracks != 1)}"
    return [f"{held_out} {'is' if loops == 1 else 'are'} too few: hold out at least {need}"]


def broken_anchors(rows: Mapping[str, Numbers]) -> list[str]:
    """List the rows that lie outside their expected ranges, in words; empty when all lie inside."""
    broken = []
    for letter, limits in ANCHORS.items():
        for number, least, most in limits:
            value = rows.get(letter, {}).get(number, float("nan"))
            if np.isfinite(value) and not least <= value <= most:
                broken.append(f"row {letter}: {number} is {value:.2f}, must be {least:g} to {most:g}")
    for number, order, told in (
        ("style", STYLE_ORDER, "is not nearer in style than"), ("clarity_db", CLARITY_ORDER, "is not less clear than"),
    ):  # fmt: skip
        placed = [(letter, rows[letter].get(number, float("nan"))) for letter in order if letter in rows]
        placed = [(letter, value) for letter, value in placed if np.isfinite(value)]
        for (lower, low), (higher, high) in pairwise(placed):
            if not low < high:
                broken.append(f"row {lower} ({low:.1f}) {told} row {higher} ({high:.1f})")
    return broken
