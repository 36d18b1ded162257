"""What a page shows of loops: a sound with its picture, a strip of marks, a curve. Arrays in, values of a page out."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fourfloor.signal import picture
from fourfloor.signal.analysis import ANALYSIS_RATE, Array, mono, to_analysis_rate

_HEIGHT, _WIDTH = 192, 720
_MARKS = 1000  # of a strip


@dataclass(frozen=True)
class Excerpt:
    """A loop or a part of one, as data URIs: its spectrogram as PNG, its sound as WAV."""

    picture: str
    sound: str


def excerpt(waveform: Array, sample_rate: int, width: int = _WIDTH, height: int = _HEIGHT) -> Excerpt:
    """Draw `(channels, samples)`, and embed it as 16-bit mono at 22.05 kHz, 44 kB a second: enough to hear it."""
    return Excerpt(_picture(waveform, sample_rate, width, height), _sound(waveform, sample_rate))


def _picture(waveform: Array, sample_rate: int, width: int, height: int) -> str:
    buffer = io.BytesIO()
    picture.spectrogram(np.atleast_2d(waveform), sample_rate, width, height).save(buffer, "PNG", optimize=True)
    return _data_uri("image/png", buffer.getvalue())


def _sound(waveform: Array, sample_rate: int) -> str:
    samples = to_analysis_rate(mono(waveform), sample_rate)
    pcm = np.round(samples / max(1.0, float(np.abs(samples).max(initial=0.0))) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(ANALYSIS_RATE)
        file.writeframes(pcm.tobytes())
    return _data_uri("audio/wav", buffer.getvalue())


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


@dataclass(frozen=True)
class Strip:
    """Marks `(x, whether it is held-out music)` on a line from 20 to 680 over a band `(x, width)`."""

    title: str
    marks: Sequence[tuple[str, bool]] = ()
    band: tuple[str, str] = ("0", "0")
    least: float = 0.0
    most: float = 0.0


def strip(title: str, values: Sequence[float], real: Sequence[float], low: float, high: float) -> Strip:
    """Place values and those of held-out music on a line, over the band of the usual range `low` to `high`."""
    finite = [value for value in (*values, *real) if np.isfinite(value)]
    if not finite:
        return Strip(title)
    ends = [value for value in (low, high) if np.isfinite(value)]
    least, most = min(finite + ends), max(finite + ends)
    span = (most - least) or 1.0

    def x(value: float) -> float:
        return 20 + 660 * (min(max(value, least), most) - least) / span

    marks = [(f"{x(value):.1f}", group is real) for group in (values, real) for value in _thinned(group)]
    return Strip(title, marks, (f"{x(low):.1f}", f"{max(x(high) - x(low), 1):.1f}"), least, most)


def _thinned(values: Sequence[float]) -> Array:
    """Return the finite values in order, at most `_MARKS` of them, evenly chosen, so that a page stays small."""
    finite = np.sort([value for value in values if np.isfinite(value)])
    return finite[np.linspace(0, len(finite) - 1, min(len(finite), _MARKS)).round().astype(int)]


@dataclass(frozen=True)
class Curve:
    """Points of a line and of dots `(x, y)` in a field of 60-660 by 10-110; none without steps."""

    title: str
    line: Sequence[tuple[str, str]] = ()
    dots: Sequence[tuple[str, str]] = ()
    least: float = 0.0
    most: float = 0.0
    last: float = 0.0


def curve(title: str, records: Sequence[Mapping[str, float | None]], points: int = 200) -> Curve:
    """Place `loss` as a line of means over the steps and `validation` as dots; what is not finite is left out."""
    loss, validation = (_finite(records, key) for key in ("loss", "validation"))
    if len(loss) < 2:
        return Curve(title)
    line = np.array([part.mean(axis=0) for part in np.array_split(loss, min(points, len(loss)))])
    # Leave out the highest 2 %: the loss of the first steps would flatten the rest of the curve.
    least, most = (float(value) for value in np.percentile(np.concatenate([line[:, 1], validation[:, 1]]), (0, 98)))
    span, last = (most - least) or 1.0, float(loss[-1, 0]) or 1.0

    def place(step: float, value: float) -> tuple[str, str]:
        height = (min(max(value, least), most) - least) / span
        return f"{60 + 600 * step / last:.1f}", f"{110 - 100 * height:.1f}"

    return Curve(title, [place(*at) for at in line], [place(*at) for at in validation], least, most, last)


def _finite(records: Sequence[Mapping[str, float | None]], key: str) -> Array:
    """Return (step, value) of the records that hold a finite value, `(n, 2)`."""
    pairs = [(record["step"], record[key]) for record in records if record.get(key) is not None]
    values = np.array(pairs, dtype=float).reshape(-1, 2)
    return values[np.isfinite(values).all(axis=1)]
