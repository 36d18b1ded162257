"""A loop -> others like it, as far from it as asked."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fourfloor.arguments import check_range
from fourfloor.editing.latents import as_loud, decode, editor, encode, free_editor, rng_of
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.representations import magnitude

OWN_OUTLINE = 0.5  # amount beyond which the editor mixes another outline in


def vary(model: LoopModel, waveform: np.ndarray, request: Request, amount: float) -> np.ndarray:
    """Return a variation `(2, samples)` of a loop; `request` has its tempo and bars, the seed, and what is asked of it.

    Amount 0 gives the loop as codec and decoder return it, 1 one that has nothing of it but tempo and length.
    """
    check_range("amount", amount, 0, 1)
    samples = waveform.shape[1]
    z = encode(model, waveform, request.bpm, request.bars)
    same = decode(model, z, request.bpm, samples, request.seed)
    if not amount:
        return same
    varied = editor(model, request).vary(z, amount, rng_of(request.seed))
    made = decode(model, varied, request.bpm, samples, request.seed, rendering(amount))
    return as_loud(made, made, same)  # what differs is to be the music, not the level


def rendering(amount: float) -> magnitude.Rendering:
    """Return how a variation becomes sound: the more of it is sampled, the more as sampled latents do."""
    sampled = magnitude.SAMPLED
    own = amount > OWN_OUTLINE  # its bass follows no longer the source's
    return replace(sampled, in_tune=own and sampled.in_tune, tonal_contrast=amount * sampled.tonal_contrast)


def morph(
    model: LoopModel, waveform: np.ndarray, other: np.ndarray, request: Request, shares: Sequence[float]
) -> list[np.ndarray]:
    """Return loops on the way from one to another of as many bars, at the tempo of the first; share 0 is the first."""
    first, second = (encode(model, loop, request.bpm, request.bars) for loop in (waveform, other))
    made = free_editor(model, request).between(first, second, shares)
    return [decode(model, z, request.bpm, waveform.shape[1], request.seed) for z in made]
