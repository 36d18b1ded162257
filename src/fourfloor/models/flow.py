"""The prior: a flow-matching transformer over the latents of a loop.

Training draws noise `x_0`, data `x_1` and a time `t`, and regresses the velocity `x_1 - x_0` at
`x_t = (1 - t) x_0 + t x_1` (Lipman et al. 2023; Liu et al. 2023). Sampling integrates the velocity from noise to a
loop by the midpoint rule. A token is a quarter beat: two neighboring latents.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fourfloor.nn.attention import ModulatedBlock, layer_norm, loop_rotations
from fourfloor.representations.controls import NAMES

LATENTS_PER_TOKEN = 2
TOKENS_PER_BAR = 16
MAX_STYLES = 64
NO_STYLE = 0  # the index that stands for "any"
CONTROL_BUMPS = 5  # smooth functions of one control: 0, 1/4, 1/2, 3/4 and 1 are told apart


@dataclass(frozen=True, kw_only=True)
class Config:
    """Size of the transformer and how it is trained."""

    width: int = 224
    depth: int = 6
    heads: int = 4
    dropout: float = 0.1  # in the MLPs: the training sets are small
    condition_dropout: float = 0.15  # share of loops whose conditions are hidden, so that guidance and "any" work
    controls: bool = False  # whether density, brightness, low end, kick and energy can be asked for
    control_dropout: float = 0.5  # share of hidden values of each control: one alone is asked for more often than all

    def __post_init__(self) -> None:
        sized = 16 <= self.width <= 4096 and 1 <= self.depth <= 64 and 1 <= self.heads <= 64
        if not sized or self.width % (2 * self.heads):
            raise ValueError(
                f"width {self.width}, depth {self.depth}, heads {self.heads}: choose width 16-4096, a multiple of "
                f"twice the heads, depth 1-64 and heads 1-64"
            )
        dropouts = self.dropout, self.condition_dropout, self.control_dropout
        if not (self.dropout < 1 and all(0 <= dropout <= 1 for dropout in dropouts)):
            raise ValueError(f"dropouts {', '.join(map(str, dropouts))}: choose 0-1")


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the velocity is integrated."""

    steps: int = 8  # of the midpoint rule, two velocities each; as many of Euler's leave samples 6 % too narrow
    guidance: float = 1.0  # 1 follows style and controls as trained, above 1 exaggerates them
    style_share: float = 0.4  # of a style, the rest is any: with all of it, a style of few tracks recalls them
    control_guidance: float = 4.0  # the same for controls alone, where any is asked for
    spread: float = 0.5  # share of the measured spread correction that is applied: all of it adds noise (docs/log.md)

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 1000:
            raise ValueError(f"steps {self.steps}: choose 1-1000")
        if not 0 <= self.style_share <= 1:
            raise ValueError(f"style_share {self.style_share:g}: choose 0-1")


class Model(nn.Module):
    """A velocity field over `(batch, latents, latent_dim)`, aware of tempo, style and controls.

    `shape` is the representation's `{"latent_dim": int}`. Loops of any number of bars pass through the same weights.
    """

    spread_gain: Tensor

    def __init__(self, config: Config, shape: dict[str, int]) -> None:
        super().__init__()
        self.config = config
        self.latent_dim = shape["latent_dim"]
        token_dim = LATENTS_PER_TOKEN * self.latent_dim
        width = config.width
        self.embed = nn.Linear(token_dim, width)
        self.slot = nn.Parameter(torch.empty(TOKENS_PER_BAR, width))
        nn.init.normal_(self.slot, std=0.02)
        self.condition = nn.Sequential(nn.Linear(64 + 8, width), nn.SiLU(), nn.Linear(width, width))
        self.style = nn.Embedding(MAX_STYLES, width)
        self.modulation = nn.Linear(width, 6 * width)
        self.blocks = nn.ModuleList(ModulatedBlock(width, config.heads, config.dropout) for _ in range(config.depth))
        self.out = nn.Linear(width, token_dim)
        for zeroed in (self.out, self.modulation):
            nn.init.zeros_(zeroed.weight)
            nn.init.zeros_(zeroed.bias)
        nn.init.normal_(self.style.weight, std=0.02)
        if config.controls:
            self.control = nn.Linear(len(NAMES) * CONTROL_BUMPS, width, bias=False)
        with torch.no_grad():
            # Gates start open at a small value: closed ones would give the blocks no gradient at the first step.
            self.modulation.bias.view(6, width)[[2, 5]] = 0.1
        # Ratio of the training set's spread to that of samples, per channel; measured by `calibrate`.
        self.register_buffer("spread_gain", torch.ones(self.latent_dim))

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return one group: everything is trained together."""
        return {"model": self.parameters()}

    def forward(
        self, x: Tensor, t: Tensor, bpm: Tensor, style: Tensor, controls: Tensor | None = None, style_share: float = 1.0
    ) -> Tensor:
        """Return the velocity at `x` `(batch, latents, latent_dim)`, time `t` `(batch,)` in [0, 1].

        `controls` `(batch, len(NAMES))` in [0, 1], NaN for any; None where all are any. `style_share` blends the style
        with any.
        """
        batch, latents, _ = x.shape
        tokens = latents // LATENTS_PER_TOKEN
        bars = tokens // TOKENS_PER_BAR
        condition = self.condition(torch.cat([time_features(t, 64), tempo_features(bpm, bars)], dim=-1))
        condition = condition + torch.lerp(self.style.weight[NO_STYLE], self.style(style), style_share)
        if self.config.controls and controls is not None:
            condition = condition + self.control(control_features(controls))
        condition = nn.functional.silu(condition)
        modulation = self.modulation(condition).view(batch, 6, -1)
        pairs = self.config.width // self.config.heads // 2
        rotations = loop_rotations(tokens, TOKENS_PER_BAR, pairs, x.device)
        hidden = self.embed(x.reshape(batch, tokens, -1)) + self.slot.repeat(bars, 1)
        for block in self.blocks:
            hidden = block(hidden, modulation, rotations)
        return self.out(layer_norm(hidden)).reshape(x.shape)

    def losses(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yield the flow-matching loss of `batch`: x, bpm, style, and controls where the model knows them."""
        x_1, style = batch["x"], batch["style"]
        x_0 = torch.randn_like(x_1)
        t = torch.sigmoid(torch.randn(len(x_1), device=x_1.device))  # logit-normal (Esser et al. 2024)
        hidden = torch.rand(len(x_1), device=x_1.device) < self.config.condition_dropout
        style = style.masked_fill(hidden, NO_STYLE)
        controls: Tensor | None = None
        if self.config.controls:
            dropped = torch.rand(batch["controls"].shape, device=x_1.device) < self.config.control_dropout
            controls = batch["controls"].masked_fill(dropped | hidden[:, None], torch.nan)
        t_wide = t[:, None, None]
        velocity = self((1 - t_wide) * x_0 + t_wide * x_1, t, batch["bpm"], style, controls)
        loss = (velocity.float() - (x_1 - x_0)).square().mean()
        yield "model", loss, {"velocity": loss.detach()}

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

        def velocity(x: Tensor, time: float) -> Tensor:
            t = torch.full((n,), time, device=device)
            guided = self(x, t, bpm, style, controls, sampling.style_share)
            if controls is not None and sampling.control_guidance != 1.0:
                free = self(x, t, bpm, style, None, sampling.style_share)
                guided = free + sampling.control_guidance * (guided - free)
            if sampling.guidance != 1.0:
                free = self(x, t, bpm, torch.full_like(style, NO_STYLE))
                guided = free + sampling.guidance * (guided - free)
            return guided

        length = 1 / sampling.steps
        for i in range(sampling.steps):
            middle = x + velocity(x, i * length) * length / 2
            x = x + velocity(middle, (i + 0.5) * length) * length
        return x * (1 + sampling.spread * (self.spread_gain - 1))

    @torch.no_grad()
    def calibrate(self, batches: Iterable[dict[str, Tensor]], rng: torch.Generator) -> Tensor:
        """Measure how much less samples spread than data, per channel, and keep the ratio (1 to 1.4).

        Latents of a small prior shrink toward the mean, which makes loops resemble each other. No control is asked
        for, as usually none is: guidance by controls spreads samples more.
        """
        self.spread_gain.fill_(1.0)
        data, samples = [], []
        for batch in itertools.islice(batches, 4):
            bars = batch["x"].shape[1] // (TOKENS_PER_BAR * LATENTS_PER_TOKEN)
            data.append(batch["x"].reshape(-1, self.latent_dim))
            conditions = {name: batch[name] for name in ("bpm", "style")}
            samples.append(self.sample(len(batch["x"]), conditions, Sampling(), rng, bars).reshape(-1, self.latent_dim))
        ratio = torch.cat(data).std(dim=0) / torch.cat(samples).std(dim=0).clamp_min(1e-6)
        self.spread_gain.copy_(ratio.clamp(1.0, 1.4))
        return ratio


def time_features(t: Tensor, dim: int) -> Tensor:
    """Return sines and cosines of `t` at geometric frequencies, `(batch, dim)`."""
    frequencies = torch.exp(torch.linspace(0.0, 5.0, dim // 2, device=t.device))
    angle = t[:, None] * frequencies * torch.pi
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def tempo_features(bpm: Tensor, bars: int) -> Tensor:
    """Return tempo and length as `(batch, 8)`: smooth functions of log tempo, and log2 of the bars."""
    octave = torch.log2(bpm / 128.0)[:, None]
    bumps = torch.exp(-(((octave - torch.linspace(-0.5, 0.5, 6, device=bpm.device)) / 0.2) ** 2))
    length = torch.full_like(octave, torch.tensor(float(bars)).log2().item())
    return torch.cat([octave, bumps, length], dim=-1)


def control_features(controls: Tensor) -> Tensor:
    """Return smooth bumps along each of the controls `(batch, n)`, side by side `(batch, n * CONTROL_BUMPS)`.

    All bumps of a control that is NaN are 0, which no value gives: "any" is a condition of its own.
    """
    centers = torch.linspace(0, 1, CONTROL_BUMPS, device=controls.device)
    bumps = torch.exp(-(((controls[..., None] - centers) * (CONTROL_BUMPS - 1)) ** 2))
    return bumps.nan_to_num(0.0).flatten(1)
