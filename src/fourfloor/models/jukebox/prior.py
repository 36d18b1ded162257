"""The transformers that write the codes of a level, given tempo, style, the place, and the codes of the level above."""

import torch
from torch import Tensor, nn

from fourfloor.models.jukebox.causal import CausalTransformer
from fourfloor.models.jukebox.config import Config
from fourfloor.models.jukebox.strided import Residual, Up, strides_of
from fourfloor.nn.styles import MAX_STYLES
from fourfloor.nn.velocity import tempo_features


class Prior(nn.Module):
    """A transformer over the codes of a level, given conditions, the place, and with `ratio` > 0 the codes above."""

    def __init__(self, config: Config, codes: int, ratio: int = 0) -> None:
        super().__init__()
        width, self.places = config.prior_width, codes
        self.tempo = nn.Linear(8, width)
        self.style = nn.Embedding(MAX_STYLES, width)
        self.slot = nn.Parameter(torch.empty(codes // config.parts, width))
        self.part = nn.Parameter(torch.empty(config.parts, 1, width))
        for position in (self.slot, self.part):
            nn.init.normal_(position, std=0.02)
        nn.init.normal_(self.style.weight, std=0.02)
        self.above = Above(config, ratio) if ratio else None
        self.span = min(codes, 2 * config.window) if ratio else codes  # what it trains on
        window = config.window if ratio else codes
        part = codes // config.parts
        farthest = 0 if ratio else min(config.recalled_parts, config.parts - 1)
        recalled = tuple(part * back for back in range(1, farthest + 1))
        self.transformer = CausalTransformer(
            config.codebook_size, width, config.prior_depth, config.heads, window, config.dropout, recalled
        )

    def context(self, conditions: dict[str, Tensor], above: Tensor | None = None) -> Tensor:
        """Return what is known of every place but the codes before it: `(batch, places, width)`."""
        everywhere = self.tempo(tempo_features(conditions["bpm"], 1)) + self.style(conditions["style"])
        context = everywhere.unsqueeze(1) + (self.part + self.slot).flatten(0, 1)
        return context if self.above is None else context + self.above(above)

    def loss(self, codes: Tensor, conditions: dict[str, Tensor], above: Tensor | None = None, start: int = 0) -> Tensor:
        """Return the cross-entropy in nats a code of codes `(batch, n)` from the place `start` of the circle on."""
        context = self.context(conditions, above).roll(-start, dims=1)[:, : codes.shape[1]]
        return nn.functional.cross_entropy(self.transformer(codes, context).float().transpose(1, 2), codes)

    def sample(
        self,
        prompt: Tensor,
        conditions: dict[str, Tensor],
        temperature: float,
        top_p: float,
        rng: torch.Generator,
        above: Tensor | None = None,
    ) -> Tensor:
        """Draw the codes `(batch, places)` that begin with the prompt's."""
        return self.transformer.sample(self.context(conditions, above), prompt, temperature, top_p, rng)


class Above(nn.Module):
    """Codes of the level above `(batch, codes)` to what those below see of them `(batch, ratio * codes, width)`."""

    def __init__(self, config: Config, ratio: int) -> None:
        super().__init__()
        width = config.prior_width
        self.embed = nn.Embedding(config.codebook_size, width)
        blocks = [Residual(width, i) for i in range(config.depth)]
        self.layers = nn.Sequential(*blocks, *(Up(width, width, stride) for stride in strides_of(ratio)))
        self.norm = nn.LayerNorm(width)

    def forward(self, codes: Tensor) -> Tensor:
        """Embed, look around, stretch, normalize."""
        return self.norm(self.layers(self.embed(codes).transpose(1, 2)).transpose(1, 2))
