"""The networks of the prior and how they are trained; `__init__.py` says what they are for."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fourfloor.models.flow import EARLY_BLOCKS, Config
from fourfloor.models.flow.outline import OUTLINE_ARRAYS, Outlines
from fourfloor.models.flow.sampling import BASS_GAIN, known, outline, outline_dim
from fourfloor.networks import Part
from fourfloor.nn.attention import layer_norm
from fourfloor.nn.styles import MAX_STYLES, NO_STYLE
from fourfloor.nn.velocity import LATENTS_PER_TOKEN, Velocity, logit_normal
from fourfloor.representations.controls import NAMES
from fourfloor.representations.latent import FREQUENCIES, LATENTS_PER_BAR

PREPARE_BATCHES = 256
CALIBRATION_BATCHES = 48
BASS_BLUR = 0.3  # noise at most that training adds to what the bass is drawn for, as samples are not data


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
        # The guess of the first blocks, weights and a last row of biases, measured by `calibrate`; 0 before.
        self.register_buffer("guess", torch.zeros(config.width + 1, LATENTS_PER_TOKEN * self.latent_dim))
        self.levels = OutlineBuffers(Outlines.empty(outline_dim(size) + n_controls, MAX_STYLES))
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

    @torch.no_grad()
    def prepare(self, batches: Iterable[dict[str, Tensor]]) -> None:
        """Measure how the outlines and the controls of the training loops of each style scatter."""
        measured, styles = [], []
        for batch in itertools.islice(batches, PREPARE_BATCHES):
            arrays = {name: value.cpu().numpy() for name, value in batch.items()}
            outlines = outline(arrays["x"])
            measured.append(known(outlines, arrays.get("controls")) if self.config.controls else outlines)
            styles.append(arrays["style"])
        self.levels.measure(np.concatenate(measured), np.concatenate(styles))

    def parts(self) -> dict[str, Part]:
        """Return the networks that sampling calls."""
        one, config = torch.ones(1), self.config
        given = {
            "x": torch.zeros(1, 4 * LATENTS_PER_BAR, self.latent_dim), "t": one, "bpm": 126 * one, "style": one.long(),
        }  # fmt: skip
        asked = {"controls": torch.full((1, len(NAMES)), torch.nan)} if config.controls else {}
        grows = {"x": (1, LATENTS_PER_BAR)}
        # The first and the last product stay exact: they make most of the error, and take a fiftieth of the time.
        parts = {
            "velocity": Part(
                module=Answer(self), inputs=given | asked, outputs=("velocity", "guess"), grows=grows,
                in_8_bits=("blocks.",),
            )
        }  # fmt: skip
        if self.bass is not None:
            parts["bass"] = Part(
                module=self.bass, inputs=given, outputs=("velocity",), grows=grows, in_8_bits=("bass.blocks.",)
            )
        return parts


class Answer(nn.Module):
    """The velocity at a place and time, and the guess that the first blocks alone make of it."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, x: Tensor, t: Tensor, bpm: Tensor, style: Tensor, controls: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return both, `(batch, latents, latent_dim)`."""
        model = self.model
        hidden = model.hidden(x, t, bpm, style, controls)
        early, late = layer_norm(hidden[:EARLY_BLOCKS][-1]), layer_norm(hidden[-1])
        guess = early @ model.guess[:-1] + model.guess[-1]
        return model.out(late).reshape(x.shape), guess.reshape(x.shape)


class OutlineBuffers(nn.Module):
    """Where a model keeps its outlines."""

    def __init__(self, outlines: Outlines) -> None:
        super().__init__()
        for name in OUTLINE_ARRAYS:
            self.register_buffer(name, torch.from_numpy(getattr(outlines, name)))

    def measure(self, x: np.ndarray, style: np.ndarray) -> None:
        """Measure the outlines `(loops, dim)` of the styles that occur."""
        held = Outlines(*(getattr(self, name).cpu().numpy() for name in OUTLINE_ARRAYS))
        measured = held.measured(x, style)
        for name in OUTLINE_ARRAYS:
            getattr(self, name).copy_(torch.from_numpy(getattr(measured, name)))
