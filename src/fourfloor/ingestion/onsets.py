"""Blocks of audio -> onset strength and harmony over time, in one pass and bounded memory.

Onset strength is the half-wave rectified rise of the amplitude in narrow filters, averaged in eight bands (spectral
flux; Böck & Widmer 2013 without their logarithm, which makes a bass note as strong as a kick, and without the maximum
filter). Every filter is measured against its own mean over the track, so the result does not depend on level or
equalization. Harmony is a slow semitone spectrum, log-compressed.
"""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft

from fourfloor.errors import FourfloorError

# A constant tempo is known to 1e-4 BPM after twenty minutes: longer files cost memory and add nothing.
MAX_SECONDS = 1200.0

BAND_EDGES_HZ = (30.0, 120.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
_FILTERS_PER_BAND = 4
_FRAME_SECONDS = 0.0029
_WINDOW_FRAMES = 8
_PITCH_FRAMES = 16
_PITCH_WINDOW_FRAMES = 64
_LOWEST_PITCH_HZ = 55.0
_PITCHES = 72
# The rise is taken over three frames (9 ms): as long as the attack of a drum as a 23 ms window sees it.
_RISE_FRAMES = 3
_CHUNK_FRAMES = 2048
# So many samples at once stay in a core's cache from the window to the filters: half of the time of a whole chunk.
_CACHED_SAMPLES = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Onsets:
    """Hold what the tempo fit needs of a track: small arrays at about 340 and 21 frames a second.

    flux: (bands, frames), >= 0, frame i is centered at i / frame_rate seconds.
    pitches: (pitches, slow frames), log-compressed semitone energies, frame i centered at i / pitch_rate seconds.
    """

    flux: np.ndarray
    frame_rate: float
    pitches: np.ndarray
    pitch_rate: float

    @property
    def seconds(self) -> float:
        """Length of what was analyzed."""
        return self.flux.shape[1] / self.frame_rate

    def standardized(self) -> np.ndarray:
        """Return the flux, every band with zero mean and unit variance: a loud band does not decide alone."""
        return self._standardized

    @functools.cached_property
    def _standardized(self) -> np.ndarray:
        centered = self.flux - self.flux.mean(axis=1, keepdims=True)
        return centered / (centered.std(axis=1, keepdims=True) + 1e-6)


def analyze_onsets(blocks: Iterable[np.ndarray], sample_rate: int) -> Onsets:
    """Measure onset strength and harmony of a stream of (channels, samples) blocks; the block size does not matter.

    Raises FourfloorError when the stream holds no audio.
    """
    hop = max(1, round(_FRAME_SECONDS * sample_rate))
    fast = _filterbank(_WINDOW_FRAMES * hop, sample_rate, _onset_edges())
    slow = _filterbank(_PITCH_WINDOW_FRAMES * hop, sample_rate, _pitch_edges())
    energies, pitches = [], []
    for chunk, frames in _chunks(blocks, hop, limit=round(MAX_SECONDS * sample_rate)):
        energies.append(_band_energy(chunk, hop, _WINDOW_FRAMES, fast)[:frames])
        harmony = _band_energy(chunk, hop, _PITCH_WINDOW_FRAMES, slow, every=_PITCH_FRAMES)
        pitches.append(harmony[: -(-frames // _PITCH_FRAMES)])
    if not energies:
        raise FourfloorError("no audio to analyze: the stream is empty; give at least one block")
    rate = sample_rate / hop
    return Onsets(
        flux=_flux(energies),
        frame_rate=rate,
        pitches=_log_level(np.concatenate(pitches)).T.copy(),
        pitch_rate=rate / _PITCH_FRAMES,
    )


def _chunks(blocks: Iterable[np.ndarray], hop: int, limit: int) -> Iterator[tuple[np.ndarray, int]]:
    """Cut a stream into mono chunks with what the windows of their frames reach; yield (chunk, frames)."""
    reach = _PITCH_WINDOW_FRAMES * hop // 2
    step = _CHUNK_FRAMES * hop
    held = np.zeros(reach, np.float32)
    taken = done = 0
    for block in blocks:
        mono = np.asarray(block, np.float32).mean(axis=0)[: limit - taken]
        taken += len(mono)
        held = np.concatenate([held, mono])
        while len(held) >= step + 2 * reach:
            yield held[: step + 2 * reach], _CHUNK_FRAMES
            held = held[step:]
            done += step
        if taken >= limit:
            break
    while done < taken:
        padded = np.pad(held, (0, max(0, step + 2 * reach - len(held))))
        yield padded[: step + 2 * reach], min(_CHUNK_FRAMES, -(-(taken - done) // hop))
        held = held[step:]
        done += step


def _band_energy(chunk: np.ndarray, hop: int, window_frames: int, filters: np.ndarray, every: int = 1) -> np.ndarray:
    """Return the (frames, filters) mean power of one chunk; each window is centered on its frame."""
    n_fft = window_frames * hop
    first = (_PITCH_WINDOW_FRAMES * hop - n_fft) // 2
    views = np.lib.stride_tricks.sliding_window_view(chunk[first:], n_fft)
    views = views[: _CHUNK_FRAMES * hop : hop * every]
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    window /= window.sum()
    used = int(np.flatnonzero(filters.any(axis=1))[-1]) + 1
    parts = filters[:used].repeat(2, axis=0)  # real and imaginary part of every bin
    energy = np.empty((len(views), filters.shape[1]), np.float32)
    rows = max(1, _CACHED_SAMPLES // n_fft)
    for start in range(0, len(views), rows):
        spectrum = scipy.fft.rfft(views[start : start + rows] * window, axis=1).view(np.float32)[:, : 2 * used]
        spectrum *= spectrum
        np.matmul(spectrum, parts, out=energy[start : start + rows])
    return energy


def _filterbank(n_fft: int, sample_rate: int, edges: np.ndarray) -> np.ndarray:
    """Average the FFT bins between neighboring edges; a filter narrower than a bin takes the bin it lies in."""
    n_bins = n_fft // 2 + 1
    position = np.minimum(edges * n_fft / sample_rate, n_bins - 1)
    low = np.minimum(np.floor(position[:-1] + 0.5), n_bins - 1).astype(int)
    high = np.maximum(np.floor(position[1:] + 0.5).astype(int), low + 1)
    bins = np.arange(n_bins)[:, None]
    filters = ((bins >= low) & (bins < high)).astype(np.float32)
    return filters / filters.sum(axis=0)


def _onset_edges() -> np.ndarray:
    """Log-spaced edges, `_FILTERS_PER_BAND` filters in each band."""
    position = np.arange((len(BAND_EDGES_HZ) - 1) * _FILTERS_PER_BAND + 1) / _FILTERS_PER_BAND
    return np.exp(np.interp(position, np.arange(len(BAND_EDGES_HZ)), np.log(BAND_EDGES_HZ)))


def _pitch_edges() -> np.ndarray:
    return _LOWEST_PITCH_HZ * 2.0 ** ((np.arange(_PITCHES + 1) - 0.5) / 12.0)


def _log_level(energy: np.ndarray) -> np.ndarray:
    """Take the logarithm of each filter relative to a tenth of its mean over the track; silence stays 0."""
    return np.log1p(10.0 * energy / (energy.mean(axis=0) + 1e-12))


def _amplitude(energy: np.ndarray) -> np.ndarray:
    """Return the amplitude in each filter relative to its root mean square over the track."""
    return np.sqrt(energy / (energy.mean(axis=0) + 1e-12))


def _flux(energies: list[np.ndarray]) -> np.ndarray:
    """Return (bands, frames) of rising amplitude, placed in the middle of the rise; memory for one band."""
    frames = sum(map(len, energies))
    flux = np.zeros((len(BAND_EDGES_HZ) - 1, frames), np.float32)
    before = _RISE_FRAMES // 2
    for band, row in enumerate(flux):
        filters = slice(band * _FILTERS_PER_BAND, (band + 1) * _FILTERS_PER_BAND)
        level = _amplitude(np.concatenate([energy[:, filters] for energy in energies]))
        rise = np.maximum(level[_RISE_FRAMES:] - level[:-_RISE_FRAMES], 0.0).mean(axis=1)
        row[before : before + len(rise)] = rise
    return flux
