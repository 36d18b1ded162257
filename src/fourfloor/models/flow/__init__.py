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

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.models.flow.outline import Outlines
from fourfloor.nn.attention import layer_norm
from fourfloor.nn.velocity import (
    LATENTS_PER_TOKEN,
    MAX_STYLES,
    NO_STYLE,
    TOKENS_PER_BAR,
    Velocity,
    integrate,
    logit_normal,
)
from fourfloor.representations.controls import NAMES
from fourfloor.representations.latent import FREQUENCIES, KICK

LATENTS_PER_BEAT = TOKENS_PER_BAR * LATENTS_PER_TOKEN // 4
PREPARE_BATCHES = 256
RANK_EDGE = 0.02  # ranks of a control beyond are alike where levels are drawn: a kick is 0 or 1
EARLY_BLOCKS = 2  # of the network, whose guess is the bad version
CALIBRATION_BATCHES = 48
BASS_GAIN = 5.0  # of frequencies where the bass is drawn: a semitone is about as large as the noise
BASS_STEPS = 4  # of the midpoint rule; 8, 16 and 32 make no steadier notes
BASS_BLUR = 0.3  # noise at most that training adds to what the bass is drawn for, as samples are not data


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


class Model(Velocity):
    """A velocity field over `(batch, latents, latent_dim)`, aware of tempo, style and controls, and one for the bass.

    `shape` is the representation's `{"latent_dim": int}`. Loops of any number of bars pass through the same weights.
    """

    guess: Tensor

    def __init__(self, config: Config, shape: dict[str, int]) -> None:
        size = shape["latent_dim"]
        n_controls = len(NAMES) if config.controls else 0
        super().__init__(size, size, config.width, config.depth, config.heads, config.dropout, n_controls)
        self.config, self.latent_dim = config, size
        # Counted, not tried: a sum on the meta device, where loading builds models, imports torch's compiler (1 s).
        self.outline_dim = self.latent_dim + LATENTS_PER_BEAT * len(range(self.latent_dim)[KICK])
        # The guess of the first blocks, weights and a last row of biases, measured by `calibrate`; 0 before.
        self.register_buffer("guess", torch.zeros(config.width + 1, LATENTS_PER_TOKEN * self.latent_dim))
        self.levels = Outlines(self.outline_dim + n_controls, MAX_STYLES)
        self.bass: Velocity | None = None
        if config.bass_width:
            frequencies = len(range(size)[FREQUENCIES])
            self.bass = Velocity(
                size, frequencies, config.bass_width, config.bass_depth, config.heads, config.dropout, n_controls=0
            )

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return one group: everything is trained together."""
        return {"model": self.parameters()}

    def losses(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yield the flow-matching loss of `batch`: x, bpm, style, and controls where the model knows them."""
        x, conditions, wanted = self.noised(batch)
        loss = (self(x, *conditions).float() - wanted).square().mean()
        parts = {"velocity": loss.detach()}
        if self.bass is not None:
            bass = self.bass_loss(batch)
            loss, parts = loss + bass, {**parts, "bass": bass.detach()}
        yield "model", loss, parts

    def bass_loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the flow-matching loss of the low end's frequencies, the rest of the loops being known."""
        assert self.bass is not None
        x, n, device = batch["x"], len(batch["x"]), batch["x"].device
        rest, y_1 = x[..., : FREQUENCIES.start], BASS_GAIN * x[..., FREQUENCIES]
        rest = rest + BASS_BLUR * torch.rand(n, 1, 1, device=device) * torch.randn_like(rest)
        y_0, t = torch.randn_like(y_1), logit_normal(n, device=device)
        t_wide = t[:, None, None]
        style = batch["style"].masked_fill(torch.rand(n, device=device) < self.config.condition_dropout, NO_STYLE)
        y = (1 - t_wide) * y_0 + t_wide * y_1
        velocity = self.bass(torch.cat([rest, y], dim=-1), t, batch["bpm"], style)
        return (velocity.float() - (y_1 - y_0)).square().mean()

    def noised(
        self, batch: dict[str, Tensor], rng: torch.Generator | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, Tensor | None], Tensor]:
        """Return loops on their way from noise, what the network is told of them, some of it hidden, and the velocity.

        `rng` is a CPU's; None draws on the device of the batch.
        """
        x_1, style = batch["x"], batch["style"]
        place: dict[str, Any] = {"generator": rng, "device": x_1.device if rng is None else "cpu"}
        x_0 = torch.randn(x_1.shape, **place).to(x_1)
        t = logit_normal(len(x_1), **place).to(x_1)
        blind = torch.rand(len(x_1), **place).to(x_1) < self.config.condition_dropout
        controls: Tensor | None = None
        if self.config.controls:
            dropped = torch.rand(batch["controls"].shape, **place).to(x_1) < self.config.control_dropout
            controls = batch["controls"].masked_fill(dropped | blind[:, None], torch.nan)
        t_wide = t[:, None, None]
        conditions = t, batch["bpm"], style.masked_fill(blind, NO_STYLE), controls
        return (1 - t_wide) * x_0 + t_wide * x_1, conditions, x_1 - x_0

    @torch.no_grad()
    def calibrate(self, batches: Iterable[dict[str, Tensor]], rng: torch.Generator) -> None:
        """Fit the guess of the first blocks to velocities by least squares; a network of no more blocks has none."""
        if not self.config.fit_guess or self.config.depth <= EARLY_BLOCKS:
            return
        products = self.guess.new_zeros(len(self.guess), len(self.guess), dtype=torch.float64)
        sums = torch.zeros_like(self.guess, dtype=torch.float64)
        for batch in itertools.islice(batches, CALIBRATION_BATCHES):
            x, conditions, wanted = self.noised(batch, rng)
            hidden = layer_norm(self.hidden(x, *conditions, blocks=EARLY_BLOCKS)[-1]).flatten(0, 1).double()
            known = torch.cat([hidden, torch.ones_like(hidden[:, :1])], dim=1)
            products += known.T @ known
            sums += known.T @ wanted.reshape(len(known), -1).double()
        ridge = 1e-4 * products.diagonal().mean() * torch.eye(len(products), device=products.device)
        self.guess.copy_(torch.linalg.solve(products + ridge, sums))

    def missing(self, sampling: Sampling) -> str | None:
        """Say that the guess of the first blocks was never fitted where the recipe asks for it."""
        asked = sampling.autoguidance > 0 and self.config.depth > EARLY_BLOCKS
        return None if not asked or self.guess.any() else "the guess that autoguidance needs"

    def outline(self, x: Tensor) -> Tensor:
        """Return what is drawn first of loops `x`: their mean latents, and a mean beat of the low end around these."""
        level = x.mean(dim=1)
        beat = x[..., KICK].unflatten(1, (-1, LATENTS_PER_BEAT)).mean(dim=1) - level[:, None, KICK]
        return torch.cat([level, beat.flatten(1)], dim=1)

    def drawn_out(self, outline: Tensor, latents: int) -> Tensor:
        """Return the loops `(n, latents, latent_dim)` that hold nothing but an outline, the same in all beats."""
        x = outline[:, None, : self.latent_dim].repeat(1, latents, 1)
        beat = outline[:, self.latent_dim :].unflatten(1, (LATENTS_PER_BEAT, -1))
        x[..., KICK] += beat.repeat(1, latents // LATENTS_PER_BEAT, 1)
        return x

    @torch.no_grad()
    def prepare(self, batches: Iterable[dict[str, Tensor]]) -> None:
        """Measure how the outlines and the controls of the training loops of each style scatter."""
        known, styles = [], []
        for batch in itertools.islice(batches, PREPARE_BATCHES):
            known.append(self.known(self.outline(batch["x"]), batch.get("controls")))
            styles.append(batch["style"])
        self.levels.measure(torch.cat(known), torch.cat(styles))

    def known(self, outline: Tensor, controls: Tensor | None) -> Tensor:
        """Put outlines and controls, as quantiles of a normal distribution, side by side; what is any is NaN."""
        if not self.config.controls:
            return outline
        if controls is None:
            controls = outline.new_full((len(outline), len(NAMES)), torch.nan)
        return torch.cat([outline, torch.special.ndtri(controls.clamp(RANK_EDGE, 1 - RANK_EDGE))], dim=1)

    @torch.no_grad()
    def sample(
        self, n: int, conditions: dict[str, Tensor], sampling: Sampling, rng: torch.Generator, bars: int = 4
    ) -> Tensor:
        """Draw latents `(n, latents, latent_dim)`.

        `conditions` holds bpm `(n,)`, style `(n,)`, and where any control is asked for controls `(n, len(NAMES))`.
        """
        latents = bars * TOKENS_PER_BAR * LATENTS_PER_TOKEN
        device = self.slot.device
        x = torch.randn(n, latents, self.latent_dim, generator=rng).to(device)
        bpm, style = conditions["bpm"].to(device), conditions["style"].to(device)
        controls = conditions["controls"].to(device) if "controls" in conditions else None

        has_guess = self.config.depth > EARLY_BLOCKS and bool(self.guess.any())
        is_guided = sampling.autoguidance > 0 and has_guess

        def answer(x: Tensor, time: float, style: Tensor, controls: Tensor | None) -> Tensor:
            t = torch.full((n,), time, device=device)
            if not is_guided or time >= sampling.autoguidance_share:
                return self(x, t, bpm, style, controls)
            hidden = self.hidden(x, t, bpm, style, controls)
            early, late = layer_norm(hidden[EARLY_BLOCKS - 1]), layer_norm(hidden[-1])
            guess, full = early @ self.guess[:-1] + self.guess[-1], self.out(late)
            return (full + sampling.autoguidance * (full - guess)).reshape(x.shape)

        def velocity(x: Tensor, time: float) -> Tensor:
            guided = answer(x, time, style, controls)
            if controls is not None and sampling.control_guidance != 1.0:
                free = answer(x, time, style, None)
                guided = free + sampling.control_guidance * (guided - free)
            if sampling.guidance != 1.0:
                free = answer(x, time, torch.full_like(style, NO_STYLE), None)
                guided = free + sampling.guidance * (guided - free)
            return guided

        given = self.known(x.new_full((n, self.outline_dim), torch.nan), controls)
        drawn = self.levels.draw(style, given, rng)[:, : self.outline_dim]
        start = self.outline(x)

        def led(x: Tensor, time: float) -> Tensor:
            """Move the outline to its place on the straight way to the drawn one."""
            if time > sampling.level_share:
                return x
            return x + self.drawn_out((1 - time) * start + time * drawn - self.outline(x), latents)

        x = integrate(velocity, x, sampling.steps, led)
        return x if self.bass is None else self.with_bass(x, bpm, style, rng)

    def with_bass(self, x: Tensor, bpm: Tensor, style: Tensor, rng: torch.Generator) -> Tensor:
        """Draw the low end's frequencies of loops `x` again, for all the rest of them."""
        bass, rest = self.bass, x[..., : FREQUENCIES.start]
        assert bass is not None

        def velocity(y: Tensor, time: float) -> Tensor:
            return bass(torch.cat([rest, y], dim=-1), torch.full_like(bpm, time), bpm, style)

        y = torch.randn(x[..., FREQUENCIES].shape, generator=rng).to(x)
        return torch.cat([rest, integrate(velocity, y, BASS_STEPS) / BASS_GAIN], dim=-1)
