"""A loop that a model made: its audio, what is known of it, and the file it becomes."""

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from fourfloor import __version__, audio
from fourfloor.api.draws import Draw
from fourfloor.api.outputs import refuse_existing
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.representations.controls import Controls


@dataclass(frozen=True, kw_only=True)
class Copy:
    """The passage of the training music that a loop is most similar to.

    `score` is 1 for an exact copy and None where the loop is like nothing; `fourfloor.copies.policy` says from where on
    the loop has the fault "copy". `seconds` is the place in the track.
    """

    score: float | None = None
    track: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Loop:
    """A loop that a model made.

    Attributes:
        waveform: Float32 `(2, samples)`, leveled, within ±1; exactly `bars` bars long.
        sample_rate: In Hz, 44,100.
        bpm: The tempo that was asked for.
        bars: The length in bars of four beats.
        seed: The seed of the draw that was kept; with `redraws=0` it gives exactly this loop again.
        style: The style that was asked for, as the model writes it; None for any.
        controls: The controls that were asked for.
        measured: Those controls as measured in the loop, ranks in 0-1 by name.
        copy: The nearest passage of the training music.
        faults: Names of `fourfloor.faults`, worst first; empty when the loop is fine.
        draws: How many draws were made to choose this one from.
        bpm_measured: The tempo measured in the audio.
        seam: How well the loop closes, 0-1.
    """

    waveform: np.ndarray
    sample_rate: int
    bpm: float
    bars: int
    seed: int
    style: str | None
    controls: Controls
    measured: Mapping[str, float]
    copy: Copy
    faults: tuple[str, ...]
    draws: int
    bpm_measured: float
    seam: float
    tags: audio.LoopTags = field(repr=False)
    request: Request = field(repr=False)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False, plain: bool = False) -> Path:
        """Write the loop as a 24-bit WAV file: the bytes that `fourfloor generate` writes under that name.

        Args:
            path: The file to write; its folder must be there.
            overwrite: Replace a file that is there.
            plain: Write the audio alone, without tempo, loop points and the comment.

        Returns:
            The path, as `pathlib.Path`.

        Raises:
            FourfloorError: A file is there, or the disk refuses; nothing half-written is left.

        Example:
            >>> import fourfloor as ff
            >>> loop = ff.load("warehouse").generate(bars=1, seed=3)
            >>> loop.save("kick.wav", overwrite=True).name
            'kick.wav'
        """
        path = Path(path)
        if not overwrite:
            refuse_existing(path.parent, [path.name], "choose another name")
        audio.write_loop(path, self.waveform, None if plain else replace(self.tags, title=path.stem))
        return path


def loop_of(draw: Draw, model: LoopModel, source: str, decoder: str | None) -> Loop:
    """Return the loop of a draw; `source` and `decoder` name its model in the command that makes it again."""
    request, scores = draw.request, draw.scores
    track, _, place = (scores.nearest or "").rpartition(" @ ")
    nearest = Copy(score=scores.copy_score, track=track, seconds=float(place.removesuffix(" s"))) if track else Copy()
    return Loop(
        waveform=draw.waveform, sample_rate=audio.SAMPLE_RATE, bpm=request.bpm, bars=request.bars, seed=request.seed,
        style=request.style, controls=request.controls, measured=draw.controls, copy=nearest, faults=draw.faults,
        draws=draw.draws, bpm_measured=scores.bpm_measured, seam=scores.seam.score,
        tags=loop_tags(model, request, "", command_of(source, decoder, request)), request=request,
    )  # fmt: skip


def command_of(source: str, decoder: str | None, kept: Request) -> str:
    """Write the command that makes exactly the loop that was kept, whether it was redrawn or not."""
    words = ["fourfloor", "generate", "--model", source]
    words += ["--decoder", decoder] if decoder else []
    words += ["--bpm", repr(float(kept.bpm)).removesuffix(".0"), "--bars", str(kept.bars)]
    words += ["--style", kept.style] if kept.style else []
    for name, value in kept.controls.asked.items():
        option = name.replace("_", "-")
        words += [f"--{option}" if value else f"--no-{option}"] if name == "kick" else [f"--{option}", repr(value)]
    return shlex.join([*words, "--seed", str(kept.seed), "--count", "1", "--redraws", "0"])


def loop_tags(model: LoopModel, request: Request, title: str, command: str = "") -> audio.LoopTags:
    """Say in a loop's file what made it, and by which command it can be made again."""
    comment: dict[str, Any] = {
        "model": model.name, "weights": model.weights_hash, "seed": request.seed, "style": request.style,
        "data_hash": model.prior.meta["data_hash"],
        "decoder": model.decoder.meta["data_hash"] if model.decoder else None, "codec": model.prior.codec_hash,
        "sampling": asdict(model.prior.recipe.generation),
    }  # fmt: skip
    if request.controls.asked:
        comment["controls"] = request.controls.asked
    if model.prior.unchanged_from:
        comment["unchanged_from"] = model.prior.unchanged_from
    if command:
        comment["command"] = command
    software = f"fourfloor {__version__}"
    return audio.LoopTags(
        bpm=request.bpm, bars=request.bars, title=title, comment=json.dumps(comment), software=software
    )
