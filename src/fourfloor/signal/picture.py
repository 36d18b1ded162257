"""Waveforms -> pictures: spectrograms on a logarithmic frequency axis, and sheets of them, as PNG."""

import io
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fourfloor.saving import save_file
from fourfloor.signal.stft import fft, windowed

N_FFT = 4096
LOWEST_HZ, HIGHEST_HZ = 40.0, 18_000.0
RANGE_DB = 80.0
# Black, violet, orange, white: lightness grows evenly, so that a gray print reads the same.
_PALETTE_POSITIONS = (0, 70, 140, 205, 255)
_PALETTE_RGB = np.array([(0, 0, 4), (70, 18, 110), (190, 55, 80), (250, 155, 60), (252, 250, 220)])


def spectrogram(waveform: np.ndarray, sample_rate: int, width: int = 480, height: int = 220) -> Image.Image:
    """Draw a closed loop `(channels, samples)`: time to the right, 40 Hz - 18 kHz upward, 80 dB from black to white."""
    mono = waveform.mean(axis=0)
    centers = np.linspace(0, mono.size, width, endpoint=False).astype(int)
    power = np.abs(fft.rfft(windowed(mono, centers, N_FFT), axis=1)) ** 2
    top = min(HIGHEST_HZ, 0.499 * sample_rate)
    edges = np.geomspace(LOWEST_HZ, top, height + 1) * N_FFT / sample_rate
    rows = np.stack([_band(power, low, high) for low, high in itertools.pairwise(edges)])[::-1]
    level = 10 * np.log10(rows + 1e-12)
    shade = np.clip((level + RANGE_DB) / RANGE_DB, 0, 1) * 255
    return Image.fromarray(_palette()[shade.astype(np.uint8)])


def sheet(pictures: Sequence[tuple[str, Image.Image]], columns: int = 2) -> Image.Image:
    """Lay labeled pictures out in rows."""
    width = max(picture.width for _, picture in pictures)
    height = max(picture.height for _, picture in pictures) + 18
    rows = -(-len(pictures) // columns)
    canvas = Image.new("RGB", (columns * (width + 6), rows * (height + 6)), (24, 24, 28))
    draw = ImageDraw.Draw(canvas)
    for number, (label, picture) in enumerate(pictures):
        left, top = (number % columns) * (width + 6) + 3, (number // columns) * (height + 6) + 3
        draw.text((left + 2, top + 2), label.encode("ascii", "replace").decode(), fill=(230, 230, 230))
        canvas.paste(picture, (left, top + 18))
    return canvas


def save_sheet(path: Path, pictures: Sequence[tuple[str, Image.Image]], columns: int = 2) -> None:
    """Write labeled pictures as one PNG, whole or not at all; FourfloorError where it cannot be written."""
    content = io.BytesIO()
    sheet(pictures, columns).save(content, format="PNG")
    save_file(path, content.getvalue())


def _band(power: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the strongest bin of a band, or the nearest one where the band is narrower than a bin."""
    first, last = int(low), max(int(low) + 1, int(high))
    return power[:, first:last].max(axis=1)


def _palette() -> np.ndarray:
    channels = [np.interp(np.arange(256), _PALETTE_POSITIONS, channel) for channel in _PALETTE_RGB.T]
    return np.stack(channels, axis=1).astype(np.uint8)
