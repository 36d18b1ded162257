"""What a model sounds like while it trains: a few loops and their spectrograms in the run's folder.

In: the averaged model at some step. Out: samples of a prior, or a decoder's reconstructions beside the originals.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from fourfloor import audio, generation, recipe
from fourfloor.dataset import Dataset
from fourfloor.generation import Request
from fourfloor.loading import LoopModel, Trained
from fourfloor.models import is_generative
from fourfloor.representations import latent, magnitude
from fourfloor.saving import remove_leftovers
from fourfloor.signal import picture
from fourfloor.signal.beatgrid import loop_samples
from fourfloor.signal.stft import resample_loop

LISTENED = "listening"


def listener(
    run: Path, plan: recipe.Recipe, codec: Any, dataset: Dataset, meta: dict[str, Any], decoder: Trained | None
) -> Callable[[nn.Module, int], None]:
    """Return what writes a few loops and their spectrograms into the run folder."""

    def listen(model: nn.Module, step: int) -> None:
        trained = Trained(copy.deepcopy(model).to("cpu"), codec, plan, meta)  # `to` would move the average itself
        generates = is_generative(plan.family)
        loops = sample_loops(trained, decoder) if generates else reconstructions(trained, dataset)
        folder = run / LISTENED / f"step-{step:08d}"
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        for name, bpm, waveform in loops:
            bars = round(waveform.shape[1] * bpm / 240 / audio.SAMPLE_RATE)
            leveled = audio.normalize_loop(waveform, audio.SAMPLE_RATE)
            audio.write_loop(folder / f"{name}.wav", leveled, audio.LoopTags(bpm=bpm, bars=bars, title=name))
        drawn = [(name, picture.spectrogram(waveform, audio.SAMPLE_RATE)) for name, _, waveform in loops]
        picture.save_sheet(folder / "spectrograms.png", drawn)

    return listen


def sample_loops(prior: Trained, decoder: Trained | None) -> list[tuple[str, float, np.ndarray]]:
    """Sample four loops at different tempi; without a decoder they are drawn with the bare log-mel envelope."""
    loops = []
    for number, bpm in enumerate((124.0, 128.0, 140.0, 150.0)):
        request = Request(bpm=bpm, seed=number)
        if decoder or not prior.needs_decoder:
            waveform = generation.make_loop(LoopModel("", prior, decoder), request)
        else:
            features = prior.codec.to_features(generation.sample_latents(prior, request))
            samples = loop_samples(bpm, request.bars, latent.SAMPLE_RATE)
            rng, rendering = np.random.default_rng(number), magnitude.SAMPLED
            waveform = magnitude.render_envelope(features, bpm, samples, rng, rendering)
        loops.append((f"sample_{bpm:g}bpm_{number}", bpm, waveform))
    return loops


def reconstructions(decoder: Trained, dataset: Dataset) -> list[tuple[str, float, np.ndarray]]:
    """Pair two validation loops with what the decoder makes of their latents."""
    loops = []
    indices = dataset.indices("validation")
    for number, index in enumerate(indices[:: max(1, len(indices) // 2)][:2]):
        bpm = dataset.bpm(int(index))
        waveform = resample_loop(dataset.waveform(int(index)), loop_samples(bpm, dataset.bars, latent.SAMPLE_RATE))
        z = decoder.codec.to_latents(dataset.features(int(index)))
        decoded = generation.render(decoder, z, bpm, waveform.shape[1], 0)
        loops += [(f"original_{number}", bpm, waveform), (f"decoded_{number}", bpm, decoded)]
    return loops
