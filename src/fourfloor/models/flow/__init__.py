"""The prior: a flow-matching transformer over the latents of a loop.

Training takes noise `x_0`, data `x_1` and a time `t`, and regresses the velocity `x_1 - x_0` at
`x_t = (1 - t) x_0 + t x_1` (Lipman et al. 2023; Liu et al. 2023). Sampling integrates the velocity from noise to a
loop with the midpoint rule. A token is a quarter beat: two neighboring latents.

The outline of a loop is the mean of its latents and a mean beat of its low end. Because the outline is an average, it
shows through the noise already at t < 0.1, where training gives the network almost no signal. Without help, all loops
become alike (0.75 of the variation in the data), and hardly one is without a kick. So the outline is sampled first,
from a mixture of normals for each style and together with the controls, and steers the sample while the rest is noise.

The rest of a sample varies too little, because an undertrained network answers with means. The prediction of its first
blocks alone varies even less. Sampling therefore moves the velocity away from that prediction, beyond the whole
network's (guidance with a bad version of itself, Karras et al. 2024). This needs no further pass.

A small network samples the frequencies of the low end last, given the rest of the loop (after the cascades of Ho et
al. 2022). In latents a semitone is a sixth of the noise. It barely changes the loss of the large network, which
therefore plays no clear notes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.models import in_network
from fourfloor.models.flow.outline import Outlines
from fourfloor.models.flow.sampling import sample
from fourfloor.nn.styles import MAX_STYLES

__all__ = ["MAX_STYLES", "Config", "Model", "Sampling", "check", "missing", "sample", "styles"]

EARLY_BLOCKS = 2  # of the network, whose guess is the bad version


@dataclass(frozen=True, kw_only=True)
class Config:
    """Size of the transformer and how it is trained."""

    width: int = 224
    depth: int = 6
    heads: int = 4
    bass_width: int = 0  # of the network that draws the low end's frequencies; 0: they are drawn with all the rest
    bass_depth: int = 4
    dropout: float = 0.1  # in the MLPs: the training sets are small
    condition_dropout: float = 0.15  # share of loops whose conditions are hidden, so that guidance and "any" work
    controls: bool = False  # whether density, brightness, low end, kick and energy can be asked for
    fit_guess: bool = True  # false in tuning: the parent's guess is kept, as a small folder says too little
    control_dropout: float = 0.5  # share of hidden values of each control: one alone is asked for more often than all

    def __post_init__(self) -> None:
        sized = 16 <= self.width <= 4096 and 1 <= self.depth <= 64 and 1 <= self.heads <= 64
        if not sized or self.width % (2 * self.heads):
            raise FourfloorError(
                f"width {self.width}, depth {self.depth}, heads {self.heads}: choose width 16-4096, a multiple of "
                f"twice the heads, depth 1-64 and heads 1-64"
            )
        if not (0 <= self.bass_width <= 4096 and 1 <= self.bass_depth <= 64) or self.bass_width % (2 * self.heads):
            raise FourfloorError(
                f"bass_width {self.bass_width}, bass_depth {self.bass_depth}: choose width 0-4096, a multiple of "
                f"twice the heads, and depth 1-64"
            )
        dropouts = self.dropout, self.condition_dropout, self.control_dropout
        if not (self.dropout < 1 and all(0 <= dropout <= 1 for dropout in dropouts)):
            raise FourfloorError(f"dropouts {', '.join(map(str, dropouts))}: choose 0-1, dropout below 1")


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the velocity is integrated."""

    steps: int = 8  # of the midpoint rule, two velocities each; as many of Euler's leave samples 6 % too narrow
    guidance: float = 1.0  # 1 follows style and controls as trained, above 1 exaggerates them
    control_guidance: float = 4.0  # the same for controls alone, where any is asked for
    level_share: float = 0.5  # of the way, on which the outline of a loop is led to a drawn one; 0 leaves it free
    autoguidance: float = 0.4  # how far to go beyond the network's answer, away from its first blocks' guess
    autoguidance_share: float = 0.5  # of the way, from the start: later it would make what moves fast too strong

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 1000:
            raise FourfloorError(f"steps {self.steps}: choose 1-1000")
        if not 0 <= self.level_share <= 1:
            raise FourfloorError(f"level_share {self.level_share:g}: choose 0-1")
        if not 0 <= self.autoguidance <= 10 or not 0 <= self.autoguidance_share <= 1:
            raise FourfloorError(
                f"autoguidance {self.autoguidance:g}, autoguidance_share {self.autoguidance_share:g}: "
                f"choose 0-10 and 0-1"
            )


def check(arrays: Mapping[str, np.ndarray], styles: int) -> None:
    """Raise FourfloorError where the outlines of a model of so many styles cannot have been measured."""
    Outlines.of(arrays).check(styles)


def styles(arrays: Mapping[str, np.ndarray]) -> list[int]:
    """List the numbers of the styles that a model has outlines of."""
    return Outlines.of(arrays).styles()


def missing(arrays: Mapping[str, np.ndarray], config: Config, sampling: Sampling) -> str | None:
    """Say that the guess of the first blocks was never fitted where the recipe asks for it; None where it was."""
    asked = sampling.autoguidance > 0 and config.depth > EARLY_BLOCKS
    return None if not asked or arrays["guess"].any() else "the guess that autoguidance needs"


__getattr__ = in_network(__name__)
