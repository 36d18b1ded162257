"""The network of the transcriber and how it is trained; `__init__.py` says what it is for."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from fourfloor.models.transcriber import Config
from fourfloor.networks import Part
from fourfloor.nn.conv import CircularConvNeXt
from fourfloor.representations.score import LOWEST_NOTE
from fourfloor.signal.beatgrid import BEATS_PER_BAR, FRAMES_PER_BEAT

DILATIONS = (1, 2, 4, 8, 16)
FRAMES_PER_BAR = BEATS_PER_BAR * FRAMES_PER_BEAT
ONSETS = 4  # kick, snare or clap, hats, bass
KINDS = 2  # clap rather than snare, open rather than closed


class Model(nn.Module):
    """What a transcriber sees `(batch, frames, seen)` to logits for every frame."""

    def __init__(self, config: Config, shape: dict[str, int]) -> None:
        super().__init__()
        self.config = config
        self.sizes = [ONSETS, ONSETS, KINDS, 1 + shape["notes"]]
        self.embed = nn.Linear(shape["seen"], config.width)
        self.blocks = nn.ModuleList(
            CircularConvNeXt(config.width, expansion=2, dilation=DILATIONS[block % len(DILATIONS)])
            for block in range(config.depth)
        )
        self.head = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, sum(self.sizes)))

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return one group: everything is trained together."""
        return {"model": self.parameters()}

    def parts(self) -> dict[str, Part]:
        """Return the network that hears notes."""
        seen = torch.zeros(1, 4 * FRAMES_PER_BAR, self.embed.in_features)
        answers = ("onsets", "velocities", "kinds", "notes")
        grows = {"x": (1, FRAMES_PER_BAR)}
        return {"answer": Part(module=self, inputs={"x": seen}, outputs=answers, grows=grows)}

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return logits of onsets, velocities `(batch, frames, 4)`, kinds `(.., 2)` and notes `(.., 1 + notes)`.

        The first note means that the bass is silent.
        """
        hidden = self.embed(x)
        for block in self.blocks:
            hidden = block(hidden)
        return self.head(hidden).float().split(self.sizes, dim=-1)

    def losses(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yield the likelihoods of onsets, velocities, kinds and notes."""
        onsets, velocities, kinds, notes = self(batch["x"])
        score = batch["score"].float() / 255
        kick, snare, clap, hat, opened, bass = score[..., :6].unbind(-1)
        played = torch.stack([kick, torch.maximum(snare, clap), torch.maximum(hat, opened), bass], dim=-1)
        begins = (played > 0).float()
        # A frame beside an onset may as well be it.
        beside = torch.maximum(begins.roll(1, dims=1), begins.roll(-1, dims=1)) * (1 - begins)
        weight = 1 - beside + self.config.onset_weight * begins
        onset = functional.binary_cross_entropy_with_logits(onsets, begins, weight)
        velocity = ((velocities.sigmoid() - played).square() * begins).sum() / (begins.sum() + 1)
        of_kinds = torch.stack([clap > snare, opened > hat], dim=-1).float()
        which = functional.binary_cross_entropy_with_logits(kinds, of_kinds, begins[..., 1:3])
        # The lowest note's index is 1; 0 is silence.
        sounding = batch["score"][..., 6].long()
        target = torch.where(sounding > 0, (sounding - LOWEST_NOTE + 1).clamp(1, notes.shape[-1] - 1), 0)
        note = functional.cross_entropy(notes.flatten(0, 1), target.flatten())
        loss = 10 * onset + self.config.velocity_weight * velocity + which + self.config.note_weight * note
        yield (
            "model",
            loss,
            {
                name: value.detach()
                for name, value in {"onset": onset, "velocity": velocity, "kind": which, "note": note}.items()
            },
        )
