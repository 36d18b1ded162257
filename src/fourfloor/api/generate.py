"""A model generates loops, and each becomes a tagged WAV file in a folder: what `fourfloor generate` does."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fourfloor import generation, loading
from fourfloor.api.draws import REDRAWS, check_draws
from fourfloor.api.loops import Loop
from fourfloor.api.model import Model, load
from fourfloor.api.outputs import loop_title, model_word, refuse_existing
from fourfloor.arguments import check_range, typed
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.progress import OnProgress, ignore
from fourfloor.representations.controls import ANY, Controls
from fourfloor.saving import output_folder

SHEET = "spectrograms.png"


@dataclass(frozen=True, kw_only=True)
class WrittenLoop:
    """A row of `generate`'s result: `ff.Loop`'s measurements, without the audio.

    Attributes:
        file: The WAV file; None if `strict` refused the loop.
        bpm, bars, sample_rate, key, seed, seam, bpm_measured, faults, draws: As in `ff.Loop`.
        frames: Length in samples per channel.
        copy_score: `Loop.copy.score`.
        nearest: The most similar training passage, "track @ 8.4 s"; None where nothing is similar.
        controls: `Loop.measured`.
    """

    file: Path | None
    bpm: float
    bars: int
    frames: int
    sample_rate: int
    key: str | None
    seed: int
    seam: float
    bpm_measured: float
    copy_score: float | None
    nearest: str | None
    controls: dict[str, float]
    faults: tuple[str, ...]
    draws: int

    def to_json(self) -> dict[str, Any]:
        """Return the loop's row of `generate --json`."""
        return {**vars(self), "file": self.file and str(self.file), "faults": list(self.faults)}


@dataclass(frozen=True, kw_only=True)
class Generated:
    """The result of one call of `generate`.

    Attributes:
        loops: One row for each loop, in the order of the seeds.
        unchanged_from: As in `ff.Model`.
        audio_seconds: Length of the written audio, in seconds.
        wall_seconds: Duration of the call, in seconds.
    """

    loops: tuple[WrittenLoop, ...]
    unchanged_from: str | None
    audio_seconds: float
    wall_seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return what `generate --json` prints."""
        return {**vars(self), "loops": [loop.to_json() for loop in self.loops]}


@typed
def generate(
    out: str | os.PathLike[str] = "loops",
    *,
    model: str | os.PathLike[str] | Model = loading.BUNDLED,
    decoder: str | os.PathLike[str] | None = None,
    count: int = 4,
    bpm: float = 126.0,
    bars: int = 4,
    seed: int = 0,
    style: str | None = None,
    controls: Controls = ANY,
    candidates: int = 1,
    redraws: int = REDRAWS,
    strict: bool = False,
    sheet: bool = False,
    plain: bool = False,
    overwrite: bool = False,
    on_loop: Callable[[WrittenLoop], None] = lambda loop: None,
    on_progress: OnProgress = ignore,
) -> Generated:
    """Generate loops and write them as WAV files. `Model.generate` returns one in memory instead.

    Args:
        out: Folder for the files; it is created if it does not exist.
        model: A `Model`, or what `ff.load` accepts.
        decoder: As for `ff.load`; only with a `model` that is not loaded yet.
        count: Number of loops, 1-10,000. Loop i has the seed `seed + i`.
        bpm, bars, seed, style, controls, candidates, redraws: As for `Model.generate`.
        strict: Write no loop that still has a fault.
        sheet: Also write a picture of all loops, spectrograms.png.
        plain: Write the audio without tags.
        overwrite: Replace existing files.
        on_loop: Called with each `WrittenLoop`, in order.
        on_progress: Called with (done, total, text) after each loop.

    Returns:
        A `Generated`: one row for each loop.

    Raises:
        FourfloorError: An argument is out of range, a file exists, or the folder cannot be written. Nothing is
            generated then.

    Example:
        >>> import fourfloor as ff
        >>> made = ff.generate("loops", count=1, bars=1, seed=3, overwrite=True)
        >>> made.loops[0].file.name
        'fourfloor_126bpm_warehouse_1bars_s3.wav'
    """
    began = time.monotonic()
    folder = Path(out)
    check_range("count", count, 1, generation.MAX_COUNT)
    check_draws(candidates, redraws)
    asked = Request(bpm=bpm, bars=bars, seed=seed, style=style, controls=controls)  # refused before a model is loaded
    replace(asked, seed=asked.seed + count - 1)
    if isinstance(model, Model) and decoder is not None:
        raise FourfloorError("the model is loaded already: leave decoder out, or pass it to ff.load")
    player = model if isinstance(model, Model) else load(model, decoder=decoder)
    first = player.request(bpm=bpm, bars=bars, seed=seed, style=style, controls=controls)
    requests = [replace(first, seed=seed + number) for number in range(count)]
    word = _free_word(player, folder, requests, candidates + redraws, overwrite, sheet)
    with output_folder(folder):
        loops = player.generate_many(
            count, bpm=bpm, bars=bars, seed=seed, style=style, controls=controls, candidates=candidates, redraws=redraws
        )
        written, pictures = [], _Sheet() if sheet else None
        for loop in loops:
            path = folder / f"{loop_title(word, loop.request)}.wav"
            if not (strict and loop.faults):
                loop.save(path, overwrite=True, plain=plain)  # what was there was refused before
                if pictures:
                    pictures.add(path.stem, loop)
            written.append(_written(loop, None if strict and loop.faults else path))
            on_loop(written[-1])
            on_progress(len(written), count, path.stem)
        if pictures:
            pictures.save(folder / SHEET)
    seconds = sum(loop.frames / loop.sample_rate for loop in written if loop.file)
    return Generated(
        loops=tuple(written), unchanged_from=player.unchanged_from, audio_seconds=round(seconds, 3),
        wall_seconds=round(time.monotonic() - began, 3),
    )  # fmt: skip


def _free_word(model: Model, folder: Path, requests: list[Request], draws: int, overwrite: bool, sheet: bool) -> str:
    """Return what stands for the model in file names; FourfloorError where a file that may be written is there.

    Whichever draws are kept: before the work all of them count.
    """
    drawn = [draw for request in requests for draw in generation.draw_requests(request, draws)]
    word = model_word(model.parts, folder, drawn)
    if not overwrite:
        remedy = f"choose another --out or --seed {requests[-1].seed + 1}"
        refuse_existing(folder, (f"{loop_title(word, draw)}.wav" for draw in drawn), remedy)
        refuse_existing(folder, [SHEET] if sheet else [])
    return word


class _Sheet:
    """A picture of many loops; their audio is not kept for it."""

    def __init__(self) -> None:
        self._pictures: list[tuple[str, Any]] = []

    def add(self, name: str, loop: Loop) -> None:
        from fourfloor.signal import picture

        self._pictures.append((name, picture.spectrogram(loop.waveform, loop.sample_rate)))

    def save(self, path: Path) -> None:
        from fourfloor.signal import picture

        if self._pictures:
            picture.save_sheet(path, self._pictures)


def _written(loop: Loop, path: Path | None) -> WrittenLoop:
    nearest = f"{loop.copy.track} @ {loop.copy.seconds:.1f} s" if loop.copy.track else None
    return WrittenLoop(
        file=path, bpm=loop.bpm, bars=loop.bars, frames=loop.waveform.shape[1], sample_rate=loop.sample_rate,
        key=loop.key, seed=loop.seed, seam=round(loop.seam, 4), bpm_measured=round(loop.bpm_measured, 2),
        copy_score=loop.copy.score, nearest=nearest, controls=dict(loop.measured), faults=loop.faults,
        draws=loop.draws,
    )  # fmt: skip
