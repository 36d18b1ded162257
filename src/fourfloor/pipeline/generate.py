"""Step 6: a model and a request go in, tagged WAV files come out."""

import json
import os
import shlex
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from fourfloor import __version__, audio, generation, loading
from fourfloor.arguments import check_range, check_types
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.pipeline.draws import MAX_CANDIDATES, REDRAWS, Draw, best_draw
from fourfloor.representations.controls import ANY, Controls

Made = TypeVar("Made")
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
    from fourfloor import novelty
    from fourfloor.signal import picture

    began = time.monotonic()
    rows, pictures = [], []
    with ThreadPoolExecutor(1) as opener:  # the model is loaded and the first loops are sampled meanwhile
        opening = opener.submit(novelty.load_reference, loading.reference_folder(request.model))
        model = loading.load_model(request.model, request.decoder)
        generation.check_controls(model, request.controls)
        request = replace(request, style=generation.style_name(model.prior, request.style))
        make_folder(request.out)

        def draw(number: int) -> Draw:
            return best_draw(model, request.loop(number), request.candidates, request.redraws, opening.result)

        for kept in in_parallel(draw, request.count):
            path = write_draw(request, model, kept)
            row = row_of(kept, path)
            rows.append(row)
            on_loop(row)
            if request.sheet and path:
                pictures.append((path.stem, picture.spectrogram(kept.waveform, audio.SAMPLE_RATE)))
    if pictures:
        picture.save_sheet(request.out / "spectrograms.png", pictures)
    seconds = sum(row["frames"] for row in rows if row["file"]) / audio.SAMPLE_RATE
    return {
        "loops": rows, "unchanged_from": model.prior.unchanged_from,
        "audio_seconds": round(seconds, 3), "wall_seconds": round(time.monotonic() - began, 3),
    }  # fmt: skip


def write_draw(request: GenerateRequest, model: LoopModel, kept: Draw) -> Path | None:
    """Write a loop and return its path; None for one with a fault that `strict` refuses."""
    if request.strict and kept.faults:
        return None
    path = request.out / f"{_title(model, kept.request)}.wav"
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
    cores = len(os.sched_getaffinity(0))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(min(cores, count)) as pool:
            waiting: deque[Future[Made]] = deque()
            try:
                for number in range(count):
                    waiting.append(pool.submit(make, number))
                    if len(waiting) > AHEAD * cores:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)  # on Ctrl-C or a full disk what is waiting need not be made
    finally:
        torch.set_num_threads(threads)


def _title(model: LoopModel, request: Request) -> str:
    """Name a loop as sample packs do, for example fourfloor_126bpm_warehouse_deep-house_4bars_s0."""
    asked = (f"{name}-{audio.decimal_word(value)}" for name, value in request.controls.asked.items())
    tempo, bars, seed = audio.tempo_word(request.bpm), f"{request.bars}bars", f"s{request.seed}"
    words = [tempo, model.name, request.style or "", *asked, bars, seed]
    return "_".join(["fourfloor", *(audio.plain_word(word) for word in words if word)])


def loop_tags(model: LoopModel, request: Request, title: str, command: str = "") -> audio.LoopTags:
    """Say in a loop's file what made it, and by which command it can be made again."""
    comment: dict[str, Any] = {
        "model": model.name, "seed": request.seed, "style": request.style, "data_hash": model.prior.meta["data_hash"],
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


def make_folder(folder: Path) -> None:
    """Make a folder and see that it can be written to; FourfloorError in one line where it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".fourfloor-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise FourfloorError(f"{folder}: cannot write there ({error.strerror}); choose another --out") from None
