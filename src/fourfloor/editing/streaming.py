"""Endless music in blocks of four bars: each a step from a loop to the next one, every bar line exact."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np

from fourfloor import audio, generation
from fourfloor.editing.latents import JOINT_SECONDS, decode, free_editor
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.representations import magnitude
from fourfloor.signal.beatgrid import BEATS_PER_BAR, SAMPLE_RATE

BARS = 4  # of a block
BLOCKS = 8  # from one loop to the next


def bar_line(bpm: float, bar: int) -> int:
    """Return the sample at which a bar begins, counted from 0: rounded from the start, so that no error adds up."""
    return round(bar * BEATS_PER_BAR * 60 * SAMPLE_RATE / bpm)


def stream(model: LoopModel, request: Request) -> Iterator[np.ndarray]:
    """Yield blocks `(2, samples)` without end, of four bars each; block k begins at `bar_line(bpm, 4 * k)`.

    One block and two loops' latents are held, however long it lasts.
    """
    editor, request = free_editor(model, request), replace(request, bars=BARS)
    before: np.ndarray | None = None
    number = 0
    for phrase in count():
        ends = [
            generation.sample_latents(model.prior, replace(request, seed=request.seed + phrase + k)) for k in (0, 1)
        ]
        for z in editor.between(ends[0], ends[1], [step / BLOCKS for step in range(BLOCKS)]):
            begin, end = bar_line(request.bpm, BARS * number), bar_line(request.bpm, BARS * (number + 1))
            made = decode(model, z, request.bpm, end - begin, request.seed + number, magnitude.SAMPLED)
            block = audio.normalize_loop(made, SAMPLE_RATE)
            yield block if before is None else _joined(before, block)
            before, number = block, number + 1


def _joined(before: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Let the block before, a closed loop that would begin again, fade into the next one."""
    fade = round(JOINT_SECONDS * SAMPLE_RATE)
    rise = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
    joined = block.copy()
    joined[:, :fade] = (1 - rise) * before[:, :fade] + rise * block[:, :fade]
    return joined
