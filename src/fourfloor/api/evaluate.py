"""Loops or a model go in, a scorecard comes out."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fourfloor import audio, generation, loading
from fourfloor.api.draws import MAX_CANDIDATES, REDRAWS, Draw, best_draw, leveled
from fourfloor.api.loops import Loop
from fourfloor.api.outputs import refuse_dataset, refuse_existing
from fourfloor.api.parallel import in_parallel
from fourfloor.arguments import check_range, check_seed, check_types
from fourfloor.dataset import Dataset
from fourfloor.engines import check_engine, opened, run_in_threads
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.loading import LoopModel, Trained
from fourfloor.representations import latent
from fourfloor.saving import output_folder
from fourfloor.signal.beatgrid import BAR_COUNTS, loop_samples, playable_bpm
from fourfloor.signal.stft import resample_loop
from fourfloor.stores import Place

if TYPE_CHECKING:
    from fourfloor.evaluation.scorecard import Scorecard
    from fourfloor.evaluation.sources import Source

MOST_NOTES = 5  # on files that are left out


@dataclass(frozen=True, kw_only=True)
class EvaluateRequest:
    """Which loops to judge, against what. `loops` names a folder of audio, a file, or a model to make loops with."""

    loops: str | Sequence[Loop]
    against: Place
    n: int = 256
    seed: int = 0
    out: Path | None = None
    decoder: str | None = None  # for row I, and for a prior's run
    candidates: int = 1
    redraw: bool = False  # redraw loops that have a fault, as `generate` does
    rows: Sequence[str] = ()
    engine: str = "local"
    address: str | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        check_types(self)
        check_range("n", self.n, 1, generation.MAX_COUNT)
        check_range("candidates", self.candidates, 1, MAX_CANDIDATES)
        check_seed(self.seed)
        check_engine(self.engine, self.address)


def evaluate(
    request: EvaluateRequest,
    on_progress: Callable[[float, float, str], None],
    on_note: Callable[[str], None] = lambda note: None,
) -> "Scorecard":
    """Judge loops by the scorecard, which has no verdict where `broken` says why; FourfloorError in one line."""
    from fourfloor.evaluation import judging
    from fourfloor.evaluation.report import REPORT

    if request.out:
        refuse_dataset(request.out)
        if not request.overwrite:
            refuse_existing(request.out, REPORT)
    with output_folder(request.out) if request.out else nullcontext():  # refused before the work
        loops, decoder = _judged(request)
        with opened(request.engine, request.address, run_in_threads) as engine:
            return judging.evaluate(
                loops, request.against, n=request.n, seed=request.seed, out=request.out,
                decoder=_round_trip(decoder) if decoder else None, only=request.rows,
                on_progress=on_progress, on_note=on_note, engine=engine,
            )  # fmt: skip


def _judged(request: EvaluateRequest) -> "tuple[Source, Trained | None]":
    """Return the loops to judge, and the decoder of row I where there is one."""
    if isinstance(request.loops, str) and _is_model(request.loops):
        model = loading.load_model(request.loops, request.decoder)
        return _sampled(request, request.loops, model), model.decoder
    decoder = loading.load_decoder(request.decoder) if request.decoder else None
    if isinstance(request.loops, str):
        return _in_files(request, Path(request.loops)), decoder
    return _in_memory(request.loops), decoder


def _is_model(name: str) -> bool:
    return loading.is_model_folder(loading.folder_of(name))


def _in_files(request: EvaluateRequest, path: Path) -> "Source":
    """Give the loops of a folder, or one file."""
    from fourfloor.evaluation.sources import file_source, usable

    listed, rejected = audio.find_audio([path])
    if not listed:
        reason = rejected[0][1] if rejected else "holds no audio"
        raise FourfloorError(f"{path}: {reason}; name a folder of loops, or a model")
    if request.redraw or request.candidates > 1:
        raise FourfloorError(f"{path}: holds finished loops: leave --redraw and --candidates out, or name a model")
    found, unusable = usable(listed)
    left_out = [(audio.display_name(place), reason) for place, reason in [*rejected, *unusable]]
    if not found:
        raise FourfloorError(f"no loop to score: {'; '.join(audio.few_lines(left_out, most=3))}")
    return file_source(found, [f"left out {line}" for line in audio.few_lines(left_out, most=MOST_NOTES)])


def _in_memory(loops: Sequence[Loop]) -> "Source":
    """Give loops that were made before."""
    from fourfloor.evaluation.sources import Sample, Source, content_hash

    if not loops:
        raise FourfloorError("no loops to judge: give at least one")
    return Source.of([
        Sample(
            waveform=loop.waveform, sample_rate=loop.sample_rate, bpm=loop.bpm, bars=loop.bars,
            track=f"judged {number}", name=f"loop {number} seed {loop.seed}",
            content=content_hash(loop.waveform, loop.sample_rate, loop.bpm),
        )
        for number, loop in enumerate(loops)
    ])  # fmt: skip


def _round_trip(decoder: Trained) -> Callable[[np.ndarray, int, float, int], np.ndarray]:
    """Return what sends a loop through the latents and the decoder and back."""

    def decode(waveform: np.ndarray, sample_rate: int, bpm: float, bars: int) -> np.ndarray:
        samples = loop_samples(bpm, bars, latent.SAMPLE_RATE)
        features = latent.analyze(resample_loop(waveform, samples), bpm, bars)
        decoded = generation.render(decoder, decoder.codec.to_latents(features), bpm, samples, seed=0)
        return resample_loop(decoded, waveform.shape[-1])

    return decode


def _sampled(request: EvaluateRequest, name: str, model: LoopModel) -> "Source":
    """Give n loops with the tempi and styles of held-out loops, in turn; a style that the model does not know is any.

    They are made when they are asked for and not kept: the same seed makes the same loop again. With one candidate
    and no redraw every loop is as the model makes it, copies and all.
    """
    from fourfloor.copies import fingerprints
    from fourfloor.evaluation.sources import Sample, Source, content_hash

    dataset = Dataset([request.against])
    if dataset.bars not in BAR_COUNTS:  # before the work: datasets of other lengths were made by earlier versions
        made = ", ".join(map(str, BAR_COUNTS))
        raise FourfloorError(
            f"{request.against}: has loops of {dataset.bars} bars, models generate {made}; make the dataset again"
        )
    redraws = REDRAWS if request.redraw else 0
    chooses = request.candidates + redraws > 1
    reference = None
    if chooses:
        folder = loading.folder_of(name)
        reference = fingerprints.load(folder).of(model.prior.meta["data_hash"], folder)
    drawn = held_out_loops(dataset, request.n, request.seed)
    bpms, styles = [playable_bpm(dataset.bpm(index)) for index in drawn], [dataset.style(index) for index in drawn]
    draws: dict[int, Draw] = {}

    def make(number: int) -> Sample:
        known = styles[number] if styles[number] in model.prior.styles else None
        first = Request(bpm=bpms[number], seed=request.seed + number, bars=dataset.bars, style=known)
        if reference is None:
            waveform = leveled(model, first)
        else:
            kept = best_draw(model, first, request.candidates, redraws, lambda: reference)
            waveform = kept.waveform
            draws[number] = replace(kept, waveform=np.empty(0))  # its numbers, not its samples
        return Sample(
            waveform=waveform, sample_rate=audio.SAMPLE_RATE, bpm=first.bpm, bars=dataset.bars,
            track=f"judged {number}", name=f"{model.name} seed {first.seed}",
            content=content_hash(waveform, audio.SAMPLE_RATE, first.bpm),
        )  # fmt: skip

    def stream(numbers: Sequence[int]) -> Iterator[Sample]:
        return in_parallel(lambda position: make(numbers[position]), len(numbers))

    def notes() -> list[str]:
        return [*_style_notes(model, styles), *_draw_notes(request, list(draws.values()))]

    tracks = [f"judged {number}" for number in range(request.n)]
    return Source(
        lambda number: next(stream([number])), tracks, bpms, [audio.SAMPLE_RATE] * request.n, stream, notes, chooses
    )


def _style_notes(model: LoopModel, styles: Sequence[str]) -> list[str]:
    unknown = [style for style in styles if style not in model.prior.styles]
    if not unknown:
        return []
    named = ", ".join(sorted(set(unknown)))
    return [f"{len(unknown)} loops were asked for in any style, because {model.name} does not know {named}"]


def _draw_notes(request: EvaluateRequest, draws: Sequence[Draw]) -> list[str]:
    """Say how many loops were redrawn, and which faults are left."""
    redrawn = sum(draw.draws > request.candidates for draw in draws)
    faults = Counter(fault for draw in draws for fault in draw.faults)
    left = ", ".join(f"{fault} ({count})" for fault, count in sorted(faults.items()))
    return [
        *([f"{redrawn} of {len(draws)} loops were redrawn"] if redrawn else []),
        *([f"{sum(bool(draw.faults) for draw in draws)} loops still have a fault: {left}"] if left else []),
    ]


def held_out_loops(dataset: Dataset, n: int, seed: int) -> list[int]:
    """Draw n held-out loops, each once before any twice."""
    held_out = dataset.indices("validation")
    order = np.random.default_rng(seed).permutation(len(held_out))
    return [int(held_out[order[number % len(held_out)]]) for number in range(n)]
