"""The usual range of each number of a loop, measured on a training set: what a new loop is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from fourfloor.arguments import is_finite
from fourfloor.errors import FourfloorError

SANE_NUMBERS = ("flatness_db", "modulation_db", "crest_db", "clipping", "offset", "crackle")
BAND_NUMBERS = ("pulse", "independence", "repetition")  # two-sided: too much is as wrong as too little
_ALLOWED = {"clipping": 1e-3, "offset": 0.05, "crackle": 4.0}  # nobody hears so little


class Scored(Protocol):
    """The numbers of a loop, each an attribute of its name."""

    @property
    def silent(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """The usual range of each number: the 0.5-99.5 % range of a training set for sanity, 5-95 % for the rest."""

    low: dict[str, float]
    middle: dict[str, float]
    high: dict[str, float]

    @classmethod
    def of(cls, scores: Sequence[Scored]) -> Envelope:
        """Measure the usual range on a training set; clipping, DC and crackle only have an upper border.

        A hundred loops do not show their own 0.5 %, so the sane range is widened by a tenth; and nobody hears a
        thousandth of clipped samples, a DC of a twentieth or a crackle of 4, so these are always allowed.
        """
        low, middle, high = {}, {}, {}
        for number in SANE_NUMBERS + BAND_NUMBERS:
            values = np.array([getattr(score, number) for score in scores if not score.silent], dtype=float)
            values = values[np.isfinite(values)]
            if len(values) == 0:
                continue
            tail = 0.5 if number in SANE_NUMBERS else 5.0
            least, half, most = (float(v) for v in np.percentile(values, (tail, 50.0, 100.0 - tail)))
            margin = 0.1 * (most - least) if number in SANE_NUMBERS else 0.0
            floor = _ALLOWED.get(number)
            low[number] = least - margin if floor is None else -np.inf
            middle[number], high[number] = half, max(most + margin, -np.inf if floor is None else floor)
        return cls(low=low, middle=middle, high=high)

    def holds(self, number: str, value: float) -> bool:
        """Return whether a value is usual; a number that was never measured (bar repetition of one bar) is."""
        if number not in self.high or np.isnan(value):
            return True
        return bool(self.low[number] <= value <= self.high[number])

    def nearness(self, number: str, value: float) -> float:
        """Score 1 in the middle of the range, 0 at its borders and beyond."""
        if number not in self.high or np.isnan(value):
            return 0.5
        border = self.high[number] if value > self.middle[number] else self.low[number]
        return float(np.clip((border - value) / (border - self.middle[number] or 1e-9), 0, 1))

    def to_dict(self) -> dict[str, list[float]]:
        """Write the ranges as `{number: [low, middle, high]}`, for a model card."""
        return {
            name: [float(np.nan_to_num(side[name], neginf=-1e9)) for side in (self.low, self.middle, self.high)]
            for name in sorted(self.high)
        }

    @classmethod
    def from_dict(cls, ranges: Mapping[str, Sequence[float]]) -> Envelope:
        """Read what `to_dict` wrote."""
        sides = ({name: float(ends[i]) for name, ends in ranges.items()} for i in range(3))
        return cls(**dict(zip(("low", "middle", "high"), sides, strict=True)))

    @classmethod
    def read(cls, ranges: Any) -> Envelope:
        """Read what may be anything; FourfloorError where a range is missing, not finite or upside down."""
        known = {*SANE_NUMBERS, *BAND_NUMBERS}
        if not isinstance(ranges, dict) or not set(SANE_NUMBERS) <= set(ranges) <= known:
            raise FourfloorError("its usual ranges are not those of this version")
        for number, ends in ranges.items():
            if not (isinstance(ends, list) and len(ends) == 3 and all(map(_is_number, ends)) and ends == sorted(ends)):
                raise FourfloorError(f"its usual range of {number} is damaged")
        return cls.from_dict(ranges)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and is_finite(value)
