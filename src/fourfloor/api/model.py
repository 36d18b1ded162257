"""A trained model in memory: it makes loops, and turns audio into latents and back."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from fourfloor import generation, loading
from fourfloor.api.draws import MAX_CANDIDATES, REDRAWS, best_draw
from fourfloor.api.loops import Loop, loop_of
from fourfloor.api.parallel import in_parallel
from fourfloor.arguments import check_range, check_seed, checked
from fourfloor.copies import fingerprints
from fourfloor.copies.fingerprints import Fingerprints
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.representations import latent
from fourfloor.representations.controls import ANY, Controls
from fourfloor.signal.beatgrid import loop_samples
from fourfloor.signal.stft import resample_loop


class Model:
    """A trained model, as `ff.load` returns it; its methods may be called from any thread, also at the same time.

    Attributes:
        name: The last part of what it was loaded by, for example "warehouse".
        source: What it was loaded by: a name in the package or a path.
        styles: The styles that can be asked for.
    """

    def __init__(self, model: LoopModel, source: str, decoder: str | None, reference: "Future[Fingerprints]") -> None:
        self.parts, self.source, self.decoder = model, source, decoder
        self._reference = reference

    @property
    def name(self) -> str:
        """Return the last part of what it was loaded by."""
        return self.parts.name

    @property
    def styles(self) -> tuple[str, ...]:
        """List the styles that can be asked for."""
        return tuple(self.parts.prior.styles)

    @property
    def unchanged_from(self) -> str | None:
        """Name the model that a tuning began with where it kept that as it was; None where it learned something."""
        return self.parts.prior.unchanged_from

    def reference(self) -> Fingerprints:
        """Return what the model was trained on, as far as copies are searched in it; FourfloorError without one."""
        return self._reference.result().of(self.parts.prior.meta["data_hash"], self.source)

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
        """Make one loop: the same arguments give the same samples, in any thread.

        Args:
            bpm: Tempo, 90-180.
            bars: Length in bars of four beats: 1, 2, 4 or 8.
            seed: 0 to 2^63 - 1.
            style: One of `styles`, or a clear beginning of it; None for any.
            controls: What is asked of the loop, see `ff.Controls`.
            candidates: Make this many draws and keep the best one, 1-64.
            redraws: Redraw a loop that has a fault up to this many times, 0-64; the best draw is kept.

        Returns:
            A `Loop` with its audio and what was measured of it. `faults` names what is still wrong with it.

        Raises:
            FourfloorError: An argument is out of range, or the model knows no such style or no controls.

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
        """Make loops side by side, one core each, and yield them in order; loop i is `generate(seed=seed + i)`.

        Args:
            count: How many loops, 1-10,000; few of them are in memory at a time.
            bpm, bars, style, controls, candidates, redraws: As for `generate`.
            seed: Of the first loop; the next one has `seed + 1`.

        Yields:
            `Loop`s in the order of their seeds.

        Raises:
            FourfloorError: As `generate`, before the first loop is made.

        Example:
            >>> import fourfloor as ff
            >>> [loop.bars for loop in ff.load("warehouse").generate_many(2, bars=1)]
            [1, 1]
        """
        check_range("count", checked("count", count, int), 1, generation.MAX_COUNT)
        check_draws(candidates, redraws)
        first = self.request(bpm=bpm, bars=bars, seed=seed, style=style, controls=controls)
        replace(first, seed=first.seed + count - 1)  # refused before anything is made

        def make(number: int) -> Loop:
            asked = replace(first, seed=first.seed + number)
            draw = best_draw(self.parts, asked, candidates, redraws, self.reference)
            return loop_of(draw, self.parts, self.source, self.decoder)

        return in_parallel(make, count)

    def encode(self, waveform: np.ndarray, *, bpm: float, bars: int) -> np.ndarray:
        """Turn a loop into latents.

        Args:
            waveform: Float `(channels, samples)` or `(samples,)` at 44.1 kHz, at most 2 channels, finite; as long as
                its bars to within half a percent, and resampled to the exact length.
            bpm: Tempo, 90-180.
            bars: 1, 2, 4 or 8.

        Returns:
            Latents float32 `(latents, 84)`, a fixed number of them a bar.

        Raises:
            FourfloorError: The audio does not fit, or the model has no latents (`spectrogram_vae` and others).

        Example:
            >>> import fourfloor as ff
            >>> model = ff.load("warehouse")
            >>> loop = model.generate(bars=1, seed=7)
            >>> model.encode(loop.waveform, bpm=loop.bpm, bars=loop.bars).ndim
            2
        """
        asked = Request(bpm=bpm, bars=bars)
        samples = loop_samples(asked.bpm, asked.bars, latent.SAMPLE_RATE)
        values = _waveform_of(waveform)
        if abs(values.shape[1] - samples) > 0.005 * samples:
            lasts, wanted = (length / latent.SAMPLE_RATE for length in (values.shape[1], samples))
            raise FourfloorError(
                f"waveform lasts {lasts:.3f} s, {bars} bars at {asked.bpm:g} BPM last {wanted:.3f} s: give whole bars"
            )
        features = latent.analyze(resample_loop(values, samples), asked.bpm, asked.bars)
        return np.asarray(self._codec().to_latents(features), np.float32)

    def decode(self, latents: np.ndarray, *, bpm: float, seed: int = 0) -> np.ndarray:
        """Turn latents into a loop.

        Args:
            latents: Float `(latents, 84)`, finite: as `encode` returns them, of 1, 2, 4 or 8 bars.
            bpm: Tempo of the loop, 90-180: it need not be the one of the audio that was encoded.
            seed: Decides the noise in hats and reverb, 0 to 2^63 - 1.

        Returns:
            Float32 `(2, samples)` at 44.1 kHz, at the level of the latents: it is not leveled as a `Loop` is.

        Raises:
            FourfloorError: The latents have another shape, or the model has no decoder for latents.

        Example:
            >>> import fourfloor as ff
            >>> model = ff.load("warehouse")
            >>> loop = model.generate(bars=1, seed=7)
            >>> model.decode(model.encode(loop.waveform, bpm=126, bars=1), bpm=140).shape
            (2, 75600)
        """
        self._codec()
        z = np.ascontiguousarray(latents, np.float32)
        bars = len(z) / latent.LATENTS_PER_BAR if z.ndim == 2 and z.shape[1] == latent.LATENT_DIM else 0
        if bars not in latent.BAR_COUNTS or not np.isfinite(z).all():
            shape = f"(bars * {latent.LATENTS_PER_BAR}, {latent.LATENT_DIM})"
            raise FourfloorError(f"latents {np.shape(latents)}: give finite numbers {shape}, as encode returns them")
        check_seed(checked("seed", seed, int))
        asked = Request(bpm=bpm, bars=int(bars))
        return generation.decode_latents(self.parts, z, asked.bpm, asked.bars, seed)

    def request(
        self, *, bpm: float, bars: int, seed: int, style: str | None = None, controls: Controls = ANY
    ) -> Request:
        """Check what is asked of a loop, in the words of this model; FourfloorError in one line."""
        asked = Request(bpm=bpm, bars=bars, seed=seed, style=style, controls=controls)
        generation.check_controls(self.parts, asked.controls)
        return replace(asked, style=generation.style_name(self.parts.prior, asked.style))

    def _codec(self) -> latent.Codec:
        codec = self.parts.prior.codec
        if not isinstance(codec, latent.Codec) or self.parts.decoder is None:
            raise FourfloorError(f"{self.source}: has no latents: encode and decode need a model such as warehouse")
        return codec


def load(model: str | os.PathLike[str] = loading.BUNDLED, *, decoder: str | os.PathLike[str] | None = None) -> Model:
    """Load a trained model.

    Args:
        model: A model in the package by its name, an exported folder, or the run of a prior.
        decoder: Another decoder trained with the same codec; by default the one that lies with the model.

    Returns:
        A `Model`; nothing on disk is needed afterward but its reference, which is read meanwhile.

    Raises:
        FourfloorError: There is no such model, it is damaged, or the decoder does not fit.

    Example:
        >>> import fourfloor as ff
        >>> ff.load("warehouse").name
        'warehouse'
    """
    source = os.fspath(model)
    other = None if decoder is None else os.fspath(decoder)
    opener = ThreadPoolExecutor(1)  # loops are sampled while their reference is read
    reference = opener.submit(fingerprints.load, loading.reference_folder(source))
    opener.shutdown(wait=False)
    return Model(loading.load_model(source, other), source, other, reference)


def check_draws(candidates: int, redraws: int) -> None:
    """Raise FourfloorError where more draws are asked for than are ever of use."""
    check_range("candidates", checked("candidates", candidates, int), 1, MAX_CANDIDATES)
    check_range("redraws", checked("redraws", redraws, int), 0, MAX_CANDIDATES)


def _waveform_of(waveform: np.ndarray) -> np.ndarray:
    values = np.atleast_2d(np.asarray(waveform, np.float32))
    if values.ndim != 2 or values.shape[0] > 2 or not values.size or not np.isfinite(values).all():
        shape = np.shape(waveform)
        raise FourfloorError(f"waveform {shape}: give finite samples (channels, samples) of one or two channels")
    return values
