"""Measure what is left to mend in the sound of a model, each front by its own number, before and after a change.

    python scripts/fronts.py warehouse --data data/unseen --before tonal_contrast=0 --out docs/results/fronts

In one run: loops of the dataset that no model was trained on, the same through codec and decoder, and samples in the
same styles and tempi, rendered and sampled as `generate` does and, with --before, with other values of `Rendering` or
`Sampling`. The seeds should be ones that chose nothing. The table also measures the kick control as drawn, and whether
another style or tempo at the same seed gives another loop.
"""

import argparse
import ast
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from fourfloor import audio, generation, loading
from fourfloor.dataset import Dataset
from fourfloor.evaluation.distance import StyleSpace, kernel_distance, mean_distance
from fourfloor.evaluation.numbers import ScoredSet, median, score_set
from fourfloor.evaluation.sources import Sample
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.representations import latent, magnitude
from fourfloor.representations.controls import Controls
from fourfloor.saving import save_file
from fourfloor.signal.analysis import CUTOFF_HZ
from fourfloor.signal.beatgrid import loop_samples, playable_bpm
from fourfloor.signal.stft import resample_loop

Array = np.ndarray
SPACE_LOOPS = 128
STEREO_HZ, AIR_HZ, BELOW_AIR_HZ = (300.0, 10_000.0), (16_000.0, 20_000.0), (4_000.0, 16_000.0)
MONO_DB = -60.0
MIN_OF_STYLE = 4  # loops, for a diversity within it
KICK_BARS = 2
PAIRED_STYLES, PAIRED_TEMPI = 3, (122.0, 140.0)


@dataclass
class Measured:
    """A set of loops: what the scorecard measures of them, and of each its stereo width, air and mean bands."""

    scored: ScoredSet
    side_db: list[float]
    air_db: list[float]
    bands: Array  # (loops, N_MELS)


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a model samples and renders."""

    sampling: Any
    rendering: magnitude.Rendering

    def changed(self, assignments: Sequence[str]) -> "Way":
        """Set fields of either by name."""
        pairs = [assignment.partition("=") for assignment in assignments]
        values = {name: ast.literal_eval(value) for name, _, value in pairs}
        parts = []
        for part in (self.sampling, self.rendering):
            named = {field.name for field in fields(part)} & set(values)
            parts.append(replace(part, **{name: values.pop(name) for name in named}))
        if values:
            raise SystemExit(f"fronts.py: neither sampling nor rendering has {', '.join(values)}")
        return Way(sampling=parts[0], rendering=parts[1])


def make(model: LoopModel, request: Request, way: Way) -> Array:
    """Make a leveled loop."""
    z = generation.sample_latents(model.prior, request, way.sampling)
    return _leveled(_rendered(model, z, request.bpm, request.bars, request.seed, way.rendering))


def _rendered(model: LoopModel, z: Array, bpm: float, bars: int, seed: int, rendering: magnitude.Rendering) -> Array:
    assert model.decoder is not None
    return generation.render(model.decoder, z, bpm, loop_samples(bpm, bars, latent.SAMPLE_RATE), seed, rendering)


def _leveled(waveform: Array) -> Array:
    return audio.normalize_loop(waveform, audio.SAMPLE_RATE)


def measure(
    waveforms: Sequence[Callable[[], Array]], tempi: Sequence[float], names: Sequence[str], bars: int
) -> Measured:
    """Measure loops that are made when they are asked for."""
    sides, airs, bands = [], [], []

    def samples() -> Any:
        for wave, bpm, name in zip(waveforms, tempi, names, strict=True):
            waveform = wave()
            mid, side = latent.mid_side(waveform)
            inside, across = band_db(mid, STEREO_HZ), band_db(side, STEREO_HZ)
            sides.append(max(across - inside, MONO_DB))
            airs.append(band_db(mid, AIR_HZ) - band_db(mid, BELOW_AIR_HZ))
            bands.append(latent.analyze(waveform, bpm, bars)[:, latent.MEL].mean(axis=0))
            yield Sample(waveform=waveform, sample_rate=audio.SAMPLE_RATE, bpm=bpm, bars=bars, track=name)

    return Measured(score_set(samples(), CUTOFF_HZ), sides, airs, np.array(bands))


def band_db(channel: Array, hertz: tuple[float, float]) -> float:
    """Return the power of a channel `(samples,)` between two frequencies, in dB."""
    power = np.abs(np.fft.rfft(channel)) ** 2
    where = np.fft.rfftfreq(len(channel), 1 / audio.SAMPLE_RATE)
    return float(10 * np.log10(power[(where >= hertz[0]) & (where < hertz[1])].sum() + 1e-9))


def numbers(measured: Measured, originals: Measured, space: StyleSpace, styles: Sequence[str]) -> dict[str, float]:
    """Sum a set up by the fronts that every set has."""
    scored, real = measured.scored, originals.scored
    tones = {name: median([getattr(t, name) for t in scored.tones]) for name in ("clarity_db", "floor_db", "in_scale")}
    spread = measured.bands.std(axis=0) / originals.bands.std(axis=0)
    placed = [space.place(each.vectors) for each in (scored, real)]
    within = within_styles(scored.vectors, real.vectors, space, styles)
    return {
        **tones,
        "flatness_db": median([score.flatness_db for score in scored.scores]),
        "bass_in_key": float(np.nanmean([t.bass_in_key for t in scored.tones])),
        "level_scatter": float(np.median(spread)),
        "diversity": float(np.mean(within)) if within else float("nan"),
        "least_diversity": min(within, default=float("nan")),
        "side_db": median(measured.side_db),
        "air_db": median(measured.air_db),
        "style": kernel_distance(placed[0], placed[1], space.width, scored.tracks, real.tracks).value,
        "tempo": float(np.mean([score.tempo_hit for score in scored.scores])),
        "seam": float(np.mean([score.seam.passes for score in scored.scores])),
        "repetition": median([score.repetition for score in scored.scores]),
        "crest_db": median([score.crest_db for score in scored.scores]),
    }


def within_styles(vectors: Array, real: Array, space: StyleSpace, styles: Sequence[str]) -> list[float]:
    """Return the diversity of each style: how far its loops lie apart, as a share of the originals' distance."""
    of = np.array(styles)
    return [
        mean_distance(space.standardize(vectors[of == style])) / mean_distance(space.standardize(real[of == style]))
        for style in np.unique(of)
        if (of == style).sum() >= MIN_OF_STYLE
    ]


def evenly(indices: Array, dataset: Dataset) -> list[int]:
    """Order loops such that each style has about as many of the first as any other."""
    seen: Counter[str] = Counter()
    turns = []
    for index in indices.tolist():
        turns.append((seen[dataset.style(index)], index))
        seen[dataset.style(index)] += 1
    return [index for _, index in sorted(turns, key=lambda turn: turn[0])]


def kick(model: LoopModel, way: Way, count: int, seed: int) -> float:
    """Return the correlation of kicks that are asked for, or not to be there, and that are heard."""
    asked, heard = [], []
    for number in range(count):
        controls = Controls(kick=bool(number % 2))
        request = Request(bpm=126.0, bars=KICK_BARS, seed=seed + number, controls=controls)
        asked.append(number % 2)
        heard.append(generation.measured_controls(model, request, make(model, request, way))["kick"])
    return float(np.corrcoef(asked, heard)[0, 1])


def alike(model: LoopModel, way: Way, count: int, seed: int) -> tuple[float, float]:
    """Return how loops of one seed in other styles and tempi correlate, and loops of other seeds, as medians."""
    styles = model.prior.styles[:: max(1, len(model.prior.styles) // PAIRED_STYLES)][:PAIRED_STYLES]
    shapes = {}
    for number in range(count):
        for place, style in enumerate(styles):
            bpm = PAIRED_TEMPI[place % len(PAIRED_TEMPI)]
            request = Request(bpm=bpm, bars=4, seed=seed + number, style=style)
            mel = latent.analyze(make(model, request, way), bpm, 4)[:, latent.MEL]
            shape = (mel - mel.mean(axis=0)).ravel()
            shapes[number, style] = shape / np.linalg.norm(shape)
    pairs = [(a, b) for a in shapes for b in shapes if a[1] < b[1]]
    found = [float(shapes[a] @ shapes[b]) for a, b in pairs]
    same = [value for (a, b), value in zip(pairs, found, strict=True) if a[0] == b[0]]
    other = [value for (a, b), value in zip(pairs, found, strict=True) if a[0] != b[0]]
    return float(np.median(same)), float(np.median(other))


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--decoder")
    parser.add_argument("--data", type=Path, required=True, help="loops that the model was not trained on")
    parser.add_argument("--split", default="validation", help="validation, or all where no loop was trained on")
    parser.add_argument("--before", action="append", default=[], help="a value of the way before: tonal_contrast=0")
    parser.add_argument("--n", type=int, default=48)
    parser.add_argument("--kicks", type=int, default=0)
    parser.add_argument("--pairs", type=int, default=0, help="seeds for another style at the same seed")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model = loading.load_model(options.model, options.decoder)
    dataset = Dataset([options.data])
    splits = ("train", "validation") if options.split == "all" else (options.split,)
    pool = np.concatenate([dataset.indices(split) for split in splits])
    drawn = evenly(np.random.default_rng(options.seed).permutation(pool), dataset)
    chosen, others = drawn[: options.n], drawn[options.n :]
    others = others[:SPACE_LOOPS] if options.split == "all" else dataset.evenly("train", SPACE_LOOPS)
    tempi, names = [playable_bpm(dataset.bpm(i)) for i in chosen], [dataset.name(i) for i in chosen]
    styles, bars = [dataset.style(i) for i in chosen], dataset.bars

    def original(index: int) -> Callable[[], Array]:
        samples = loop_samples(playable_bpm(dataset.bpm(index)), bars, latent.SAMPLE_RATE)
        return lambda: _leveled(resample_loop(dataset.waveform(index), samples))

    def trip(number: int) -> Callable[[], Array]:
        def decoded() -> Array:
            z = model.prior.codec.to_latents(np.asarray(dataset.features(chosen[number]), np.float32))
            plain = magnitude.Rendering()
            return _leveled(_rendered(model, z, tempi[number], bars, options.seed + number, plain))

        return decoded

    def sample(number: int, way: Way) -> Callable[[], Array]:
        style = styles[number] if styles[number] in model.prior.styles else None
        request = Request(bpm=tempi[number], bars=bars, seed=options.seed + number, style=style)
        return lambda: make(model, request, way)

    now = Way(sampling=model.prior.recipe.generation, rendering=magnitude.SAMPLED)
    ways = {"before": now.changed(options.before), "now": now} if options.before else {"now": now}
    rest = [dataset.name(i) for i in others], [playable_bpm(dataset.bpm(i)) for i in others]
    known = measure([original(i) for i in others], rest[1], rest[0], bars).scored
    space = StyleSpace.of(known.vectors, known.tracks)
    numbered = range(len(chosen))
    sets = {
        "originals": measure([original(i) for i in chosen], tempi, names, bars),
        "round trip": measure([trip(i) for i in numbered], tempi, names, bars),
    }
    for name, way in ways.items():
        made = [f"{name} {i}" for i in numbered]
        sets[f"samples {name}"] = measure([sample(i, way) for i in numbered], tempi, made, bars)
    table = {name: numbers(each, sets["originals"], space, styles) for name, each in sets.items()}
    for name, way in ways.items():
        row = table[f"samples {name}"]
        if options.kicks:
            row["kick"] = kick(model, way, options.kicks, options.seed)
        if options.pairs:
            row["same_seed"], row["other_seed"] = alike(model, way, options.pairs, options.seed)
    text = markdown(table)
    print(text)
    if options.out:
        save_file(options.out.with_suffix(".json"), (json.dumps(table, indent=1) + "\n").encode())
        save_file(options.out.with_suffix(".md"), text.encode())


def markdown(table: dict[str, dict[str, float]]) -> str:
    """Write one column a set."""
    lines = ["| | " + " | ".join(table) + " |", "|---" * (len(table) + 1) + "|"]
    for name in dict.fromkeys(key for row in table.values() for key in row):
        cells = [f"{row[name]:.2f}" if name in row else "" for row in table.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
