"""Kits: a folder of one-shots sorted into drum roles by file name, else by sound."""

from __future__ import annotations

import numpy as np


class Kit:
    """One-shots by role."""

    def __init__(self, samples: dict[str, list[np.ndarray]]):
        self.samples = samples

    def draw(self, role: str, rng: np.random.Generator) -> np.ndarray | None:
        """Draw a one-shot (n,) of a role; None when the kit has none."""
        choices = self.samples.get(role)
        return choices[int(rng.integers(len(choices)))] if choices else None
