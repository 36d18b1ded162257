"""What some numbers of a loop may be in each style: mixtures of normal distributions, drawn from with a part given.

A mixture has a normal around some training loops of a style, moved toward the style's mean as much as the normals widen
it: a smoothed bootstrap that keeps means and covariances (West 1993, *Approximating posteriors by mixtures*).
One normal for a style would miss its tails: loops that are sparse, dark, or without a kick.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from fourfloor.errors import FourfloorError

KERNELS = 2048  # in all; the styles share them evenly
WIDTH = 0.6  # deviation of a kernel, of the deviation within a style: 0 would give outlines of training loops
FLOOR = 1e-4  # variance of what hardly varies
PREFIX = "levels."  # of the arrays' names in a state dict


@dataclass(frozen=True)
class Outlines:
    """Kernels of `(loops, dim)` numbers for each style from 1; style 0 means any."""

    center: np.ndarray  # (KERNELS, dim)
    style: np.ndarray  # (KERNELS,), whose kernel it is; 0: nobody's
    share: np.ndarray  # (KERNELS,), how often any style draws it
    spread: np.ndarray  # (styles, dim), deviation of a style's kernels
    factor: np.ndarray  # (dim, dim), Cholesky factor of the correlations of all

    @classmethod
    def empty(cls, dim: int, styles: int) -> "Outlines":
        """Return outlines that nothing was measured for."""
        shapes = ((KERNELS, dim), (KERNELS,), (KERNELS,), (styles, dim), (dim, dim))
        return cls(*(np.zeros(shape, np.float32) for shape in shapes))

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> "Outlines":
        """Take the outlines out of a model's arrays."""
        return cls(*(arrays[PREFIX + name] for name in OUTLINE_ARRAYS))

    def check(self, styles: int) -> None:
        """Raise FourfloorError where no `measured` of so many styles can have made these arrays."""
        is_whole = bool((self.style == np.round(self.style)).all())
        if not is_whole or self.style.min() < 0 or self.style.max() > styles:
            raise FourfloorError(f"outlines of other styles than the {styles} it names")
        if self.share.min() < 0 or self.share.max() > 1 or self.spread.min() < 0 or np.abs(self.factor).max() > 2:
            raise FourfloorError("outlines that cannot have been measured")

    def styles(self) -> list[int]:
        """List the numbers of the styles that were measured."""
        return sorted({int(number) for number in np.unique(self.style)} - {0})

    def measured(self, x: np.ndarray, style: np.ndarray) -> "Outlines":
        """Measure the styles that occur in `x` `(loops, dim)` in random order; what is known of others is kept.

        The correlations within a style are those of all that was measured last.
        """
        present = np.unique(style).tolist()
        kept = [number for number in self.styles() if number not in present]
        quota = KERNELS // len(kept + present)
        new, spread = Outlines.empty(*self.spread.shape[::-1]), self.spread.copy()
        parts = [(number, self.center[self.style == number][:quota], 0.0) for number in kept]
        standard = x.astype(np.float64)
        for number in present:
            own = x[style == number].astype(np.float64)
            mean, deviation = own.mean(axis=0), np.sqrt(own.var(axis=0) + FLOOR)
            standard[style == number] = (own - mean) / deviation
            spread[number] = WIDTH * deviation
            mine = mean + (1 - WIDTH**2) ** 0.5 * (own[:quota] - mean)
            parts.append((number, mine, len(own) / len(mine)))
        first = 0
        for number, centers, share in parts:
            mine = slice(first, first := first + len(centers))
            new.center[mine], new.style[mine], new.share[mine] = centers, number, share
        new.share[:] /= new.share.max()  # at most 1, so that half precision holds them
        correlation = standard.T @ standard / len(x) + FLOOR * np.eye(x.shape[1])
        return Outlines(new.center, new.style, new.share, spread, np.linalg.cholesky(correlation).astype(np.float32))

    def draw(self, style: int, given: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw `(dim,)` for a style; what is not NaN in `given` `(dim,)` holds, the rest follows it.

        Any style is one of those measured last, as often as it occurred. Of a style that was not measured all is 0.
        """
        normal, position = rng.standard_normal(len(given)), rng.random()
        candidates = np.flatnonzero(self.style == style if style else self.share > 0)
        if not len(candidates):
            return np.zeros(len(given))
        fixed = ~np.isnan(given)
        factor = self.factor.astype(np.float64)
        own = factor[fixed] @ factor[fixed].T + FLOOR * np.eye(int(fixed.sum()))
        spread = self.spread[self.style[candidates].astype(int)].astype(np.float64)
        away = (given[fixed] - self.center[candidates][:, fixed]) / spread[:, fixed]
        likely = -(away * np.linalg.solve(own, away.T).T).sum(axis=1) / 2 - np.log(spread[:, fixed]).sum(axis=1)
        if not style:
            likely += np.log(self.share[candidates])
        below = np.cumsum(np.exp(likely - likely.max()))
        chosen = min(int(np.searchsorted(below, position * below[-1], side="right")), len(below) - 1)
        # Regression on what is given moves a free draw to a conditional one (Matheron's rule).
        free = factor @ normal
        free += factor @ factor[fixed].T @ np.linalg.solve(own, away[chosen] - free[fixed])
        return self.center[candidates[chosen]] + spread[chosen] * free


OUTLINE_ARRAYS = tuple(field.name for field in fields(Outlines))
