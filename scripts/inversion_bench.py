"""Measure where a spectrogram loses its sound: in the phase, in 256 grays, in mel bands, or in a network.

    python scripts/inversion_bench.py --data data/compare --n 13 --networks runs/compare/decoder --out docs/results

Held-out mono loops of a dataset become magnitudes and then sound again; each row is one inversion. The script prints
Markdown tables of medians over the loops (shares of the loops for tempo and sane), and plots inversion.png into
`--out`. It uses one thread.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np
import torch
from paired import compare, mp3_like

from fourfloor import generation, loading
from fourfloor.envelope import Envelope
from fourfloor.evaluation.features import analyze
from fourfloor.evaluation.scores import score_analysis, score_loop
from fourfloor.evaluation.sources import Sample, Source, dataset_source
from fourfloor.ingestion import catalogue
from fourfloor.representations import latent, spectrogram
from fourfloor.signal import inversion, picture
from fourfloor.signal.analysis import CUTOFF_HZ
from fourfloor.signal.beatgrid import loop_samples
from fourfloor.signal.stft import istft, resample_loop, stft

ENVELOPE_LOOPS = 60  # training loops that say what is sane
RANGE_DB = 80.0  # of the picture in decibels
HEADER = (
    "| way back | mel distance | log-spectral dB | worst band dB | SI-SDR dB | convergence dB | onsets | tempo | sane "
    "| x real time |\n|---|---|---|---|---|---|---|---|---|---|"
)
Rebuild = Callable[["Picture"], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A loop `(samples,)` at a setting's rate, its STFT `(frames, bins)`, and what the picture kept of the latter."""

    loop: np.ndarray
    spectrum: np.ndarray
    magnitude: np.ndarray  # not that of `spectrum` where the picture lost something
    rate: int
    bpm: float
    bars: int


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Which spectrogram, and which ways back from it."""

    title: str
    rate: int
    n_fft: int
    hop_length: int
    rows: dict[str, Rebuild]

    def draw(self, sample: Sample) -> Picture:
        """Bring a loop to the setting's rate and transform it."""
        samples = loop_samples(sample.bpm, sample.bars, self.rate)
        loop = resample_loop(sample.waveform.mean(axis=0), samples)
        spectrum = stft(loop, round(samples / self.hop_length), self.n_fft)
        return Picture(loop=loop, spectrum=spectrum, magnitude=np.abs(spectrum), rate=self.rate, bpm=sample.bpm,
                       bars=sample.bars)  # fmt: skip

    @property
    def cutoff_hz(self) -> float:
        """What lies above is not compared."""
        return min(CUTOFF_HZ, 0.45 * self.rate)


def true_phase(seen: Picture) -> np.ndarray:
    """Give the magnitudes the phases of the original: what is lost now was not lost by phase."""
    return istft(seen.magnitude * np.exp(1j * np.angle(seen.spectrum)), len(seen.loop))


def iterated(iterations: int, momentum: float = 0.99) -> Rebuild:
    """Return Griffin-Lim from random phases."""
    return lambda seen: inversion.griffin_lim(
        seen.magnitude, len(seen.loop), np.random.default_rng(0), iterations, momentum
    )


def integrated(iterations: int) -> Rebuild:
    """Return phase gradients with iterations after them."""

    def rebuild(seen: Picture) -> np.ndarray:
        rng, samples = np.random.default_rng(0), len(seen.loop)
        phase = inversion.phase_gradient(seen.magnitude, samples, rng)
        return inversion.griffin_lim(seen.magnitude, samples, rng, iterations, phase=phase)

    return rebuild


def linear_grays(magnitude: np.ndarray) -> np.ndarray:
    """Round magnitudes to the 256 grays of a PNG between 0 and the loudest."""
    top = magnitude.max()
    return np.round(magnitude / top * 255) / 255 * top


def decibel_grays(magnitude: np.ndarray) -> np.ndarray:
    """Round decibels to 256 grays, 80 dB from black to white; black is silence."""
    top = magnitude.max()
    level = np.clip(20 * np.log10(np.maximum(magnitude / top, 1e-9)) / RANGE_DB + 1, 0, 1)
    gray = np.round(level * 255) / 255
    return np.where(gray > 0, top * 10 ** ((gray - 1) * RANGE_DB / 20), 0)


def clipped(magnitude: np.ndarray) -> np.ndarray:
    """Clip the log magnitudes of each bin at three deviations, as SpecGAN's pictures are; here those of the loop."""
    level = np.log(magnitude + spectrogram.LOG_FLOOR)
    middle, spread = level.mean(axis=0), 3 * level.std(axis=0)
    return np.maximum(np.exp(np.clip(level, middle - spread, middle + spread)) - spectrogram.LOG_FLOOR, 0)


def mel_bands(n_mels: int, n_fft: int, hop_length: int, rate: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return what squeezes magnitudes to mel bands and spreads them again, floor and all."""
    config = spectrogram.Config(n_fft=n_fft, hop_length=hop_length, sample_rate=rate, n_mels=n_mels)
    filters = spectrogram.mel_filters(config)
    return lambda magnitude: spectrogram.undraw(np.log(magnitude @ filters.T + spectrogram.LOG_FLOOR).T, config)


def after(change: Callable[[np.ndarray], np.ndarray], rebuild: Rebuild) -> Rebuild:
    """Return a way back from magnitudes that were changed before."""
    return lambda seen: rebuild(dataclasses.replace(seen, magnitude=change(seen.magnitude)))


def network(name: str) -> dict[str, Rebuild]:
    """Return the rows of a trained network: its magnitudes with the phases of the original, and with its own."""
    trained = loading.load_trained(Path(name))
    reconstruct = _decoded if trained.needs_decoder else _autoencoded

    def heard(seen: Picture) -> np.ndarray:
        return reconstruct(trained, seen)

    def with_true_phase(seen: Picture) -> np.ndarray:
        magnitude = np.abs(stft(heard(seen), *_sizes(seen)))
        return true_phase(dataclasses.replace(seen, magnitude=magnitude))

    return {f"{name}, true phase": with_true_phase, f"{name}, as it sounds": heard}


def _sizes(seen: Picture) -> tuple[int, int]:
    return seen.spectrum.shape[0], 2 * (seen.spectrum.shape[1] - 1)


def _decoded(trained: loading.Trained, seen: Picture) -> np.ndarray:
    features = latent.analyze(seen.loop[None], seen.bpm, seen.bars)
    z = trained.codec.to_latents(features)
    return generation.render(trained, z, seen.bpm, len(seen.loop), seed=0).mean(axis=0)


def _autoencoded(trained: loading.Trained, seen: Picture) -> np.ndarray:
    """Send a loop's pictures through an autoencoder of linear or log spectrograms."""
    config, codec = trained.recipe.representation, trained.codec
    count = spectrogram.count(config, seen.bpm, seen.bars)
    pieces = np.resize(seen.loop, count * config.samples).reshape(count, -1)
    drawn = np.stack([spectrogram.draw(piece, config) for piece in pieces])
    x = np.clip((drawn - codec.middle[:, None]) / codec.scale[:, None], -1, 1)
    model: Any = trained.model
    with torch.no_grad():
        again = model.decode(model.encode(torch.from_numpy(x.astype(np.float32)))).numpy()
    sound = spectrogram.decode(again, codec, config, seen.bpm, seen.bars, np.random.default_rng(0))
    return resample_loop(sound, len(seen.loop))


PHASE_ROWS: dict[str, Rebuild] = {
    "original": lambda seen: seen.loop,
    "mp3-like": lambda seen: mp3_like(seen.loop[None], seen.rate, seen.bpm, seen.bars)[0],
    "random phase": iterated(0),
    "Griffin-Lim, 32": iterated(32, momentum=0.0),
    "fast Griffin-Lim, 8": iterated(8),
    "fast Griffin-Lim, 32": iterated(32),
    "fast Griffin-Lim, 100": iterated(100),
    "phase gradient": integrated(0),
    "phase gradient + 8": integrated(8),
    "phase gradient + 32": integrated(32),
}
GRAY_ROWS: dict[str, Rebuild] = {
    "8-bit linear, true phase": after(linear_grays, true_phase),
    "8-bit linear, random phase + 32": after(linear_grays, iterated(32)),
    "8-bit linear, gradient + 8": after(linear_grays, integrated(8)),
    "8-bit dB, true phase": after(decibel_grays, true_phase),
    "8-bit dB, gradient + 8": after(decibel_grays, integrated(8)),
    "clipped at 3 deviations, true phase": after(clipped, true_phase),
}


def mel_rows(n_mels: int, n_fft: int, hop_length: int, rate: int) -> dict[str, Rebuild]:
    """Return the ways back from mel bands."""
    squeeze = mel_bands(n_mels, n_fft, hop_length, rate)
    ways = {"true phase": true_phase, "random phase": iterated(0), "fast Griffin-Lim, 32": iterated(32),
            "phase gradient": integrated(0), "phase gradient + 8": integrated(8)}  # fmt: skip
    return {f"{n_mels} mel, {name}": after(squeeze, way) for name, way in ways.items()}


def settings(networks: Iterable[str]) -> list[Setting]:
    """List what is measured; a network joins the setting whose rate it hears."""
    full: dict[str, Rebuild] = {}
    low: dict[str, Rebuild] = {}
    for name in networks:
        decodes = loading.load_trained(Path(name)).needs_decoder
        (full if decodes else low).update(network(name))
    return [
        Setting(title="44.1 kHz, n_fft 2048, hop 512", rate=44_100, n_fft=2048, hop_length=512,
                rows=PHASE_ROWS | GRAY_ROWS | mel_rows(128, 2048, 512, 44_100) | full),
        Setting(title="10 kHz, n_fft 256, hop 128 (SpecGAN's)", rate=10_000, n_fft=256, hop_length=128,
                rows=PHASE_ROWS | GRAY_ROWS | mel_rows(64, 256, 128, 10_000) | low),
        Setting(title="10 kHz, n_fft 256, hop 64", rate=10_000, n_fft=256, hop_length=64, rows=PHASE_ROWS),
    ]  # fmt: skip


def measure(rebuild: Rebuild, seen: Picture, cutoff_hz: float, usual: Envelope) -> list[float]:
    """Return the numbers of one loop, in the order of the table's columns."""
    began = time.process_time()
    again = rebuild(seen)
    spent = time.process_time() - began
    paired = compare(seen.loop[None], again[None], seen.rate, cutoff_hz)
    difference = np.abs(stft(again, *_sizes(seen))) - np.abs(seen.spectrum)
    convergence = 20 * np.log10(np.linalg.norm(difference) / np.linalg.norm(seen.spectrum) + 1e-6)
    before, analysis = (analyze(waveform[None], seen.rate, cutoff_hz) for waveform in (seen.loop, again))
    scores = score_analysis(again[None], seen.rate, analysis, seen.bpm, seen.bars)
    onsets = np.corrcoef(before.onset, analysis.onset)[0, 1]
    return [paired.mel_distance, paired.log_spectral_db, paired.worst_band_db, paired.si_sdr_db, float(convergence),
            float(onsets), float(scores.tempo_hit), float(scores.is_sane(usual)),
            len(seen.loop) / seen.rate / max(spent, 1e-3)]  # fmt: skip


def envelope(source: Source, setting: Setting) -> Envelope:
    """Measure what is usual of training loops, at the setting's rate."""
    drawn = [setting.draw(source[index]) for index in source.draw(ENVELOPE_LOOPS, 0)]
    return Envelope.of([score_loop(one.loop[None], one.rate, one.bpm, one.bars, setting.cutoff_hz) for one in drawn])


def table(setting: Setting, source: Source, train: Source, n: int, seed: int) -> str:
    """Measure a setting and return its Markdown table."""
    usual = envelope(train, setting)
    measured: dict[str, list[list[float]]] = {name: [] for name in setting.rows}
    for index in source.draw(n, seed):
        seen = setting.draw(source[index])
        for name, rebuild in setting.rows.items():
            measured[name].append(measure(rebuild, seen, setting.cutoff_hz, usual))
    lines = [f"**{setting.title}**", "", HEADER]
    for name, values in measured.items():
        middle, mean = np.median(values, axis=0), np.mean(values, axis=0)
        exact = name == "original"
        cells = [f"{middle[0]:.3f}", *(f"{value:.1f}" for value in middle[1:5]), f"{middle[5]:.2f}",
                 f"{mean[6]:.2f}", f"{mean[7]:.2f}", "" if exact else f"{middle[8]:.1f}"]  # fmt: skip
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw_sheet(path: Path, sample: Sample, setting: Setting) -> None:
    """Draw the first bar of a loop as it was and as it came back."""
    seen = setting.draw(sample)
    shown = ["original", "random phase", "fast Griffin-Lim, 32", "phase gradient + 8", "8-bit linear, true phase",
             "8-bit dB, gradient + 8", "128 mel, phase gradient + 8", *list(setting.rows)[-1:]]  # fmt: skip
    pictures = []
    for name in dict.fromkeys(shown):
        again = setting.rows[name](seen)[None, : len(seen.loop) // seen.bars]
        pictures.append((name, picture.spectrogram(again, seen.rate, 210, 140)))
    picture.save_sheet(path, pictures, columns=4)


def main() -> None:
    """Print the tables and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/compare"), help="dataset made by `fourfloor ingest`")
    parser.add_argument("--n", type=int, default=13, help="held-out loops, the tracks in turn")
    parser.add_argument("--networks", nargs="*", default=[], help="runs of decoders or spectrogram autoencoders")
    parser.add_argument("--only", default="", help="measure rows whose name holds this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder for inversion.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    dataset = catalogue.load(options.data)
    held_out, train = (dataset_source(dataset, split) for split in ("validation", "train"))
    measured = settings(options.networks)
    if options.out:
        draw_sheet(options.out / "inversion.png", held_out[held_out.draw(1, options.seed)[0]], measured[0])
    for setting in measured:
        chosen = {name: rebuild for name, rebuild in setting.rows.items() if options.only in name}
        if chosen:
            narrowed = dataclasses.replace(setting, rows=chosen)
            print(table(narrowed, held_out, train, options.n, options.seed), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
