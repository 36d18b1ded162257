"""Step 6: a model and a request go in, tagged WAV files come out."""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from fourfloor import __version__, audio, generation, loading
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.representations.controls import ANY, Controls

if TYPE_CHECKING:
    from fourfloor.evaluation.scores import LoopScores
    from fourfloor.novelty import Reference

Made = TypeVar("Made")
AHEAD = 4  # things a core may be ahead of the next one in order: some are drawn several times
SPARE = 4  # further candidates of a loop, made only while it is nearly a copy or misses a control


@dataclass(frozen=True, kw_only=True)
class GenerateRequest:
    """Which loops to make and where to put them."""

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
    sheet: bool = False
    plain: bool = False  # WAV files of audio alone, without tags


def generate(request: GenerateRequest, on_loop: Callable[[dict[str, Any]], None] = lambda row: None) -> dict[str, Any]:
    """Write loops as tagged WAV files; return what `generate --json` prints. FourfloorError in one line."""
    from fourfloor import novelty

    began = time.monotonic()
    if not 1 <= request.count <= generation.MAX_COUNT:
        raise FourfloorError(
            f"count {request.count} is outside 1-{generation.MAX_COUNT}: ask for fewer loops at a time"
        )
    if not 1 <= request.candidates <= 64:
        raise FourfloorError(f"candidates {request.candidates} is outside 1-64: 4 is a good choice")
    first = Request(
        bpm=request.bpm, bars=request.bars, seed=request.seed, style=request.style, controls=request.controls
    )
    replace(first, seed=request.seed + request.count - 1)  # the last one's seed, refused before anything is written
    with ThreadPoolExecutor(1) as opener:  # the model is loaded and the first loops are sampled meanwhile
        opening = opener.submit(novelty.load_reference, loading.reference_folder(request.model))
        model = loading.load_model(request.model, request.decoder)
        generation.check_controls(model, request.controls)
        generation.style_number(model.prior, request.style)  # refused before anything is written
        make_folder(request.out)
        return _generate(request, model, first, opening.result, began, on_loop)


def _generate(
    request: GenerateRequest,
    model: LoopModel,
    first: Request,
    reference: "Callable[[], Reference]",
    began: float,
    on_loop: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    from fourfloor.signal import picture

    def make(number: int) -> tuple[Request, np.ndarray, Request, "LoopScores"]:
        choices = generation.candidate_requests(first, number, request.candidates + SPARE)
        asked, spare = choices[: request.candidates], choices[request.candidates :]
        return asked[0], *best_loop(model, asked, spare, reference)

    rows, pictures = [], []
    for wanted, waveform, chosen, scores in in_parallel(make, request.count):
        path = request.out / f"{_title(model, wanted)}.wav"
        audio.write_loop(path, waveform, None if request.plain else loop_tags(model, chosen, path.stem))
        row = {
            "file": str(path), "bpm": chosen.bpm, "bars": chosen.bars, "frames": waveform.shape[1],
            "sample_rate": audio.SAMPLE_RATE, "seed": chosen.seed, "seam": round(scores.seam.score, 4),
            "bpm_measured": round(scores.bpm_measured, 2), "copy_score": scores.copy_score, "nearest": scores.nearest,
            "controls": generation.measured_controls(model, chosen, waveform),
        }  # fmt: skip
        rows.append(row)
        on_loop(row)
        if request.sheet:
            pictures.append((path.stem, picture.spectrogram(waveform, audio.SAMPLE_RATE)))
    if request.sheet:
        picture.save_sheet(request.out / "spectrograms.png", pictures)
    seconds = sum(row["frames"] for row in rows) / audio.SAMPLE_RATE
    return {
        "loops": rows, "audio_seconds": round(seconds, 3), "wall_seconds": round(time.monotonic() - began, 3),
    }  # fmt: skip


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


def best_loop(
    model: LoopModel, requests: Sequence[Request], spare: Sequence[Request], reference: "Callable[[], Reference]"
) -> "tuple[np.ndarray, Request, LoopScores]":
    """Return the best of the requested loops; spare ones are made while it is a copy or follows no control."""
    from fourfloor import novelty

    def make(request: Request) -> np.ndarray:
        return leveled(model, request)

    def miss(request: Request, waveform: np.ndarray) -> float:
        return generation.control_miss(model, request, waveform)

    return novelty.best(make, requests, spare, reference, miss)


def leveled(model: LoopModel, request: Request) -> np.ndarray:
    """Make a loop at the level loops are written at."""
    return audio.normalize_loop(generation.make_loop(model, request), audio.SAMPLE_RATE)


def _title(model: LoopModel, request: Request) -> str:
    """Name a loop as sample packs do, for example fourfloor_126bpm_warehouse_deep-house_4bars_s0."""
    asked = (f"{name}-{audio.decimal_word(value)}" for name, value in request.controls.asked.items())
    tempo, bars, seed = audio.tempo_word(request.bpm), f"{request.bars}bars", f"s{request.seed}"
    words = [tempo, model.name, request.style or "", *asked, bars, seed]
    return "_".join(["fourfloor", *(audio.plain_word(word) for word in words if word)])


def loop_tags(model: LoopModel, request: Request, title: str) -> audio.LoopTags:
    """Say in a loop's file what made it."""
    comment: dict[str, Any] = {
        "model": model.name, "seed": request.seed, "style": request.style, "data_hash": model.prior.meta["data_hash"],
        "decoder": model.decoder.meta["data_hash"] if model.decoder else None, "codec": model.prior.codec_hash,
        "sampling": asdict(model.prior.recipe.generation),
    }  # fmt: skip
    if request.controls.asked:
        comment["controls"] = request.controls.asked
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
