"""A trained model in memory: it generates loops, encodes audio as latents and decodes latents."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from fourfloor import generation, loading
from fourfloor.api.draws import REDRAWS, best_draw, check_draws
from fourfloor.api.edits import Editing
from fourfloor.api.loops import LENGTH_TOLERANCE, Loop, loop_of, samples_of
from fourfloor.api.parallel import in_parallel
from fourfloor.arguments import check_range, check_seed, numbers_of, typed
from fourfloor.copies import fingerprints
from fourfloor.copies.fingerprints import Fingerprints
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.representations import latent
from fourfloor.representations.controls import ANY, Controls
from fourfloor.signal.beatgrid import BAR_COUNTS, loop_samples
from fourfloor.signal.stft import resample_loop


class Model(Editing):
    """A trained model, loaded with `ff.load`. Call its methods from any thread, and from several at once.

    Attributes:
        name: Last part of `source`, for example "warehouse".
        source: What it was loaded from: the name of a bundled model, or a path.
        styles: The styles it can generate.
        unchanged_from: The model that fine-tuning began with, where fine-tuning kept it as it was; else None.
    """

    def __init__(self, model: LoopModel, source: str, decoder: str | None, reference: "Future[Fingerprints]") -> None:
        self.parts, self.source, self.decoder = model, source, decoder
        self._reference = reference
        self._places = _place_of(source), None if decoder is None else _place_of(decoder)

    def __reduce__(self) -> "tuple[Callable[..., Model], tuple[tuple[str, str | None], str, str | None]]":
        """Travel to another process, which may work in another folder, as the places it was loaded from."""
        return _load, (self._places, self.source, self.decoder)

    @property
    def name(self) -> str:
        """Return the last part of `source`."""
        return self.parts.name

    @property
    def styles(self) -> tuple[str, ...]:
        """List the styles that the model can generate."""
        return tuple(self.parts.prior.styles)

    @property
    def unchanged_from(self) -> str | None:
        """Name the model that fine-tuning began with, where fine-tuning kept it as it was; else None."""
        return self.parts.prior.unchanged_from

    def reference(self) -> Fingerprints:
        """Return the fingerprints of the training music, in which `generate` searches for copies.

        Returns:
            `fourfloor.copies.fingerprints.Fingerprints`. The first call waits until they are read from disk.

        Raises:
            FourfloorError: The model has none, or they are damaged or belong to other training music.

        Example:
            >>> import fourfloor as ff
            >>> reference = ff.load("warehouse").reference()
        """
        return self._reference.result().of(self.parts.prior.meta["data_hash"], self.source)

    @typed
    def generate(
        self,
        *,
        bpm: float = 126.0,
        bars: int = 4,
        seed: int = 0,
        style: str | None = None,
        controls: Controls = ANY,
        candidates: int = 1,
        redraws: int = REDRAWS,
    ) -> Loop:
        """Generate one loop. The same arguments give the same samples, in any thread.

        Args:
            bpm: Tempo in BPM, 90-180.
            bars: Length in bars of four beats: 1, 2, 4 or 8.
            seed: 0 to 2^63 - 1.
            style: One of `styles`, or its first letters; None for any.
            controls: Requested density, brightness, low end, kick and energy.
            candidates: Draw this many loops and keep the best, 1-64.
            redraws: While the best draw has a fault, draw again, up to this many times, 0-64.

        Returns:
            A `Loop`: the audio and its measurements. `faults` names the faults that are left.

        Raises:
            FourfloorError: An argument is out of range, the style is unknown, or the model has no controls.

        Example:
            >>> import fourfloor as ff
            >>> loop = ff.load("warehouse").generate(bpm=128, bars=1, seed=7)
            >>> loop.waveform.shape, loop.waveform.dtype, loop.sample_rate
            ((2, 82688), dtype('float32'), 44100)
        """
        asked = self.request(bpm=bpm, bars=bars, seed=seed, style=style, controls=controls)
        check_draws(candidates, redraws)
        draw = best_draw(self.parts, asked, candidates, redraws, self.reference)
        return loop_of(draw, self.parts, self.source, self.decoder)

    @typed
    def generate_many(
        self,
        count: int,
        *,
        bpm: float = 126.0,
        bars: int = 4,
        seed: int = 0,
        style: str | None = None,
        controls: Controls = ANY,
        candidates: int = 1,
        redraws: int = REDRAWS,
    ) -> Iterator[Loop]:
        """Generate loops in parallel, one core each, and yield them in order. Loop i equals `generate(seed=seed + i)`.

        Args:
            count: Number of loops, 1-10,000. Only a few are in memory at a time.
            bpm, bars, style, controls, candidates, redraws: As for `generate`.
            seed: Seed of the first loop; the next one has `seed + 1`.

        Yields:
            Each `Loop`, in the order of the seeds.

        Raises:
            FourfloorError: As for `generate`, before the first loop.

        Example:
            >>> import fourfloor as ff
            >>> [loop.bars for loop in ff.load("warehouse").generate_many(2, bars=1)]
            [1, 1]
        """
        check_range("count", count, 1, generation.MAX_COUNT)
        check_draws(candidates, redraws)
        first = self.request(bpm=bpm, bars=bars, seed=seed, style=style, controls=controls)
        replace(first, seed=first.seed + count - 1)  # refused before anything is made

        def make(number: int) -> Loop:
            asked = replace(first, seed=first.seed + number)
            draw = best_draw(self.parts, asked, candidates, redraws, self.reference)
            return loop_of(draw, self.parts, self.source, self.decoder)

        return in_parallel(make, count)

    @typed
    def encode(self, waveform: np.ndarray, *, bpm: float, bars: int) -> np.ndarray:
        """Encode a loop as latents.

        Args:
            waveform: Float `(channels, samples)` or `(samples,)` at 44.1 kHz: one or two channels, finite. The length
                must match `bars` within 0.5 %; `encode` resamples it to the exact length.
            bpm: Tempo in BPM, 90-180.
            bars: Length in bars of four beats: 1, 2, 4 or 8.

        Returns:
            Latents, float32 `(32 * bars, 84)`: eight a beat, see docs/families/flow.md.

        Raises:
            FourfloorError: Shape, length or values do not fit, or the model has no latents (as WaveGAN).

        Example:
            >>> import fourfloor as ff
            >>> model = ff.load("warehouse")
            >>> loop = model.generate(bars=1, seed=7)
            >>> model.encode(loop.waveform, bpm=loop.bpm, bars=loop.bars).shape
            (32, 84)
        """
        asked = Request(bpm=bpm, bars=bars)
        samples = loop_samples(asked.bpm, asked.bars, latent.SAMPLE_RATE)
        values = samples_of(waveform)
        if abs(values.shape[1] - samples) > LENGTH_TOLERANCE * samples:
            lasts, wanted = (length / latent.SAMPLE_RATE for length in (values.shape[1], samples))
            raise FourfloorError(
                f"waveform lasts {lasts:.3f} s; bars {bars} at {asked.bpm:g} BPM take {wanted:.3f} s: give whole bars"
            )
        features = latent.analyze(resample_loop(values, samples), asked.bpm, asked.bars)
        return np.asarray(self._codec().to_latents(features), np.float32)

    @typed
    def decode(self, latents: np.ndarray, *, bpm: float, seed: int = 0) -> np.ndarray:
        """Decode latents to a waveform.

        Args:
            latents: Float `(32 * bars, 84)`, finite, for 1, 2, 4 or 8 bars: what `encode` returns.
            bpm: Tempo of the result in BPM, 90-180. It may differ from the tempo of the encoded loop.
            seed: Seed of the noise in hats and reverb, 0 to 2^63 - 1.

        Returns:
            Float32 `(2, samples)` at 44.1 kHz. Its level is that of the encoded audio, and samples may exceed 1.

        Raises:
            FourfloorError: Shape or values do not fit, or the model has no decoder for latents.

        Example:
            >>> import fourfloor as ff
            >>> model = ff.load("warehouse")
            >>> loop = model.generate(bars=1, seed=7)
            >>> model.decode(model.encode(loop.waveform, bpm=126, bars=1), bpm=140).shape
            (2, 75600)
        """
        self._codec()
        z = np.ascontiguousarray(numbers_of("latents", latents))
        bars = len(z) / latent.LATENTS_PER_BAR if z.ndim == 2 and z.shape[1] == latent.LATENT_DIM else 0
        if bars not in BAR_COUNTS or not np.isfinite(z).all():
            shape = f"(bars * {latent.LATENTS_PER_BAR}, {latent.LATENT_DIM})"
            raise FourfloorError(f"latents {np.shape(latents)}: give finite numbers {shape}, as encode returns them")
        check_seed(seed)
        asked = Request(bpm=bpm, bars=int(bars))
        try:
            return generation.decode_latents(self.parts, z, asked.bpm, asked.bars, seed)
        except FourfloorError as error:
            reach = f"latents up to {np.abs(z).max():.3g} make no audio; those of encode reach about 10"
            raise FourfloorError(f"{reach}. If yours do, the weights are damaged: {error}") from None

    @typed
    def request(
        self, *, bpm: float, bars: int, seed: int, style: str | None = None, controls: Controls = ANY
    ) -> Request:
        """Check the arguments of `generate` without generating.

        Args:
            bpm, bars, seed, style, controls: As for `generate`.

        Returns:
            The `Request`, with the full name of the style.

        Raises:
            FourfloorError: As for `generate`.

        Example:
            >>> import fourfloor as ff
            >>> ff.load("warehouse").request(bpm=126, bars=4, seed=0, style="deep").style
            'deep house'
        """
        asked = Request(bpm=bpm, bars=bars, seed=seed, style=style, controls=controls)
        generation.check_controls(self.parts, asked.controls)
        return replace(asked, style=generation.style_name(self.parts.prior, asked.style))

    def _codec(self) -> latent.Codec:
        codec = self.parts.prior.codec
        if not isinstance(codec, latent.Codec) or self.parts.decoder is None:
            raise FourfloorError(f"{self.source}: has no latents: encode and decode need a model such as warehouse")
        return codec


@typed
def load(model: str | os.PathLike[str] = loading.BUNDLED, *, decoder: str | os.PathLike[str] | None = None) -> Model:
    """Load a trained model. Only numbers and JSON are read: loading runs no code from the folder.

    Args:
        model: The name of a bundled model, an exported model folder, or a training run. `ff.train` and `ff.export`
            return what fits here.
        decoder: Run or model whose decoder to use instead of the model's own; it needs the same codec.

    Returns:
        A `Model`. Its fingerprints of the training music are read in the background.

    Raises:
        FourfloorError: The model does not exist, is damaged, or needs a decoder and finds none that fits.

    Example:
        >>> import fourfloor as ff
        >>> ff.load("warehouse").name
        'warehouse'
    """
    source = os.fspath(model)
    other = None if decoder is None else os.fspath(decoder)
    opener = ThreadPoolExecutor(1)  # loops are sampled while their reference is read
    reference = opener.submit(fingerprints.load, loading.folder_of(source))
    opener.shutdown(wait=False)
    return Model(loading.load_model(source, other), source, other, reference)


def _load(places: tuple[str, str | None], source: str, decoder: str | None) -> Model:
    model = load(places[0], decoder=places[1])
    model.source, model.decoder = source, decoder  # as they stand in the tags of its loops
    return model


def _place_of(name: str) -> str:
    """Return what finds a model from any folder: the name of one in the package, or an absolute path."""
    return os.path.abspath(name) if loading.folder_of(name) == Path(name) else name
