"""Step 6: a model and a request go in, tagged WAV files come out."""

import json
import shlex
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from fourfloor import __version__, audio, generation, loading
from fourfloor.api.draws import MAX_CANDIDATES, REDRAWS, Draw, best_draw
from fourfloor.api.outputs import loop_title, make_folder, model_word, refuse_existing
from fourfloor.arguments import check_range, check_types
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.processes import core_count
from fourfloor.representations.controls import ANY, Controls
from fourfloor.stopping import StopSignal

Made = TypeVar("Made")
SHEET = "spectrograms.png"
AHEAD = 4  # things a core may be ahead of the next one in order: some are drawn several times


@dataclass(frozen=True, kw_only=True)
class GenerateRequest:
    """Which loops to make and where to put them.

    A loop with a fault (`fourfloor.faults`) is redrawn up to `redraws` times; then the best draw is written with its
    faults named, or with `strict` not at all.
    """

    model: str = loading.BUNDLED
    decoder: str | None = None
    out: Path = Path("loops")
    bpm: float = 126.0
    bars: int = 4
    count: int = 4
    seed: int = 0
    style: str | None = None
    controls: Controls = ANY
    candidates: int = 1
    redraws: int = REDRAWS
    strict: bool = False
    sheet: bool = False
    plain: bool = False  # WAV files of audio alone, without tags
    overwrite: bool = False

    def __post_init__(self) -> None:
        check_types(self)
        check_range("count", self.count, 1, generation.MAX_COUNT)
        check_range("candidates", self.candidates, 1, MAX_CANDIDATES)
        check_range("redraws", self.redraws, 0, MAX_CANDIDATES)
        self.loop(0), self.loop(self.count - 1)  # refused before anything is made

    def loop(self, number: int) -> Request:
        """Return what is asked of loop `number`, counted from 0."""
        return Request(bpm=self.bpm, bars=self.bars, seed=self.seed + number, style=self.style, controls=self.controls)


def generate(request: GenerateRequest, on_loop: Callable[[dict[str, Any]], None] = lambda row: None) -> dict[str, Any]:
    """Write loops as tagged WAV files; return what `generate --json` prints. FourfloorError in one line."""
    from fourfloor.copies import fingerprints
    from fourfloor.signal import picture

    began = time.monotonic()
    rows, pictures = [], []
    with ThreadPoolExecutor(1) as opener:  # the model is loaded and the first loops are sampled meanwhile
        opening = opener.submit(fingerprints.load, loading.reference_folder(request.model))
        model = loading.load_model(request.model, request.decoder)
        generation.check_controls(model, request.controls)
        request = replace(request, style=generation.style_name(model.prior, request.style))
        word = _free_word(request, model)
        make_folder(request.out)

        def draw(number: int) -> Draw:
            return best_draw(model, request.loop(number), request.candidates, request.redraws, opening.result)

        for kept in in_parallel(draw, request.count):
            path = write_draw(request, model, word, kept)
            row = row_of(kept, path)
            rows.append(row)
            on_loop(row)
            if request.sheet and path:
                pictures.append((path.stem, picture.spectrogram(kept.waveform, audio.SAMPLE_RATE)))
    if pictures:
        picture.save_sheet(request.out / SHEET, pictures)
    seconds = sum(row["frames"] for row in rows if row["file"]) / audio.SAMPLE_RATE
    return {
        "loops": rows, "unchanged_from": model.prior.unchanged_from,
        "audio_seconds": round(seconds, 3), "wall_seconds": round(time.monotonic() - began, 3),
    }  # fmt: skip


def _free_word(request: GenerateRequest, model: LoopModel) -> str:
    """Return what stands for the model in file names; FourfloorError where a file that may be written is there.

    Whichever draws are kept: before the work all of them count.
    """
    draws = request.candidates + request.redraws
    asked = map(request.loop, range(request.count))
    drawn = [draw for loop in asked for draw in generation.draw_requests(loop, draws)]
    word = model_word(model, request.out, drawn)
    if not request.overwrite:
        remedy = f"choose another --out or --seed {request.seed + request.count}"
        refuse_existing(request.out, (f"{loop_title(word, draw)}.wav" for draw in drawn), remedy)
        refuse_existing(request.out, [SHEET] if request.sheet else [])
    return word


def write_draw(request: GenerateRequest, model: LoopModel, word: str, kept: Draw) -> Path | None:
    """Write a loop and return its path; None for one with a fault that `strict` refuses."""
    if request.strict and kept.faults:
        return None
    path = request.out / f"{loop_title(word, kept.request)}.wav"
    command = command_of(request, kept.request)
    audio.write_loop(path, kept.waveform, None if request.plain else loop_tags(model, kept.request, path.stem, command))
    return path


def row_of(kept: Draw, path: Path | None) -> dict[str, Any]:
    """Return what `generate --json` says of a loop."""
    scores, asked = kept.scores, kept.request
    return {
        "file": path and str(path), "bpm": asked.bpm, "bars": asked.bars, "frames": kept.waveform.shape[1],
        "sample_rate": audio.SAMPLE_RATE, "seed": asked.seed, "seam": round(scores.seam.score, 4),
        "bpm_measured": round(scores.bpm_measured, 2), "copy_score": scores.copy_score, "nearest": scores.nearest,
        "controls": kept.controls, "faults": list(kept.faults), "draws": kept.draws,
    }  # fmt: skip


def command_of(request: GenerateRequest, kept: Request) -> str:
    """Write the command that makes exactly the loop that was kept, whether it was redrawn or not."""
    words = ["fourfloor", "generate", "--model", request.model]
    words += ["--decoder", request.decoder] if request.decoder else []
    words += ["--bpm", repr(float(kept.bpm)).removesuffix(".0"), "--bars", str(kept.bars)]
    words += ["--style", kept.style] if kept.style else []
    for name, value in kept.controls.asked.items():
        option = name.replace("_", "-")
        words += [f"--{option}" if value else f"--no-{option}"] if name == "kick" else [f"--{option}", repr(value)]
    return shlex.join([*words, "--seed", str(kept.seed), "--count", "1", "--redraws", "0"])


def in_parallel(make: Callable[[int], Made], count: int) -> Iterator[Made]:
    """Make `count` things in order, one core each; few wait in memory for their turn.

    Each is made by one thread, so that its sums do not depend on the number of cores.
    """
    cores = core_count()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(min(cores, count))
    try:
        waiting: deque[Future[Made]] = deque()
        for number in range(count):
            waiting.append(pool.submit(make, number))
            if len(waiting) > AHEAD * cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        ending = isinstance(sys.exception(), StopSignal)  # what is being made is not waited for then
        pool.shutdown(wait=not ending, cancel_futures=True)
        torch.set_num_threads(threads)


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
