"""Pieces of a page that need nothing outside it: a player, a spectrogram, a strip of marks. Arrays in, HTML out."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from fourfloor.signal import picture
from fourfloor.signal.analysis import ANALYSIS_RATE, Array, mono, to_analysis_rate

_HEIGHT, _WIDTH = 192, 720
_MARKS = 1000  # of a strip plot


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def player(waveform: Array, sample_rate: int) -> str:
    """Embed a loop as 16-bit mono at 22.05 kHz, 44 kB a second: enough to hear what is meant."""
    samples = to_analysis_rate(mono(waveform), sample_rate)
    pcm = np.round(samples / max(1.0, float(np.abs(samples).max(initial=0.0))) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(ANALYSIS_RATE)
        file.writeframes(pcm.tobytes())
    return f'<audio controls loop preload=none src="{_data_uri("audio/wav", buffer.getvalue())}"></audio>'


def spectrogram(waveform: Array, sample_rate: int, width: int = _WIDTH, height: int = _HEIGHT) -> str:
    """Embed the spectrogram of a loop, `(channels, samples)`, as a PNG."""
    buffer = io.BytesIO()
    picture.spectrogram(np.atleast_2d(waveform), sample_rate, width, height).save(buffer, "PNG", optimize=True)
    return f'<img alt="spectrogram" src="{_data_uri("image/png", buffer.getvalue())}">'


def strip_plot(title: str, values: Sequence[float], real: Sequence[float], low: float, high: float) -> str:
    """Draw values as marks on a line, held-out values below them in gray, over the band of the usual range."""
    finite = [value for value in (*values, *real) if np.isfinite(value)]
    if not finite:
        return f"<p>{escape(title)}: no numbers</p>"
    ends = [value for value in (low, high) if np.isfinite(value)]
    least, most = min(finite + ends), max(finite + ends)
    span = (most - least) or 1.0

    def x(value: float) -> float:
        return 20 + 660 * (min(max(value, least), most) - least) / span

    band = f'<rect x="{x(low):.1f}" y="8" width="{max(x(high) - x(low), 1):.1f}" height="34" fill="#d9efe0"/>'
    marks = [
        f'<line x1="{x(v):.1f}" x2="{x(v):.1f}" y1="{top}" y2="{top + 14}" stroke="{color}" stroke-opacity=".5"/>'
        for group, top, color in ((values, 10, "#0b3d91"), (real, 27, "#777"))
        for v in _thinned(group)
    ]
    text = (
        f'<text x="20" y="56" font-size="11">{least:.2f}</text>'
        f'<text x="680" y="56" font-size="11" text-anchor="end">{most:.2f}</text>'
    )
    return (
        f'<p>{escape(title)}</p><svg viewBox="0 0 700 60" width="700" role="img" aria-label="{escape(title)}">'
        f"{band}{''.join(marks)}{text}</svg>"
    )


def _thinned(values: Sequence[float]) -> Any:
    """Keep what is finite, of many values evenly many of each height: a page need not hold ten thousand marks."""
    finite = np.sort([value for value in values if np.isfinite(value)])
    return finite[np.linspace(0, len(finite) - 1, min(len(finite), _MARKS)).round().astype(int)]


def curves(title: str, records: Sequence[Mapping[str, float | None]], points: int = 200) -> str:
    """Draw `loss` as a line of means over the steps and `validation` as dots; what is not finite is left out."""
    loss, validation = (_finite(records, key) for key in ("loss", "validation"))
    if len(loss) < 2:
        return f"<p>{escape(title)}: no steps</p>"
    parts = np.array_split(loss, min(points, len(loss)))
    line = np.array([part.mean(axis=0) for part in parts])
    # A first step far away would flatten everything after it.
    shown = np.concatenate([line[:, 1], validation[:, 1]])
    least, most = (float(value) for value in np.percentile(shown, (0, 98)))
    span, last = (most - least) or 1.0, float(loss[-1, 0]) or 1.0

    def place(step: float, value: float) -> str:
        height = (min(max(value, least), most) - least) / span
        return f"{60 + 600 * step / last:.1f},{110 - 100 * height:.1f}"

    path = " ".join(place(step, value) for step, value in line)
    dots = "".join(
        '<circle cx="{}" cy="{}" r="2.5" fill="#b00020"/>'.format(*place(step, value).split(","))
        for step, value in validation
    )
    marks = (
        f'<text x="55" y="14" font-size="11" text-anchor="end">{most:.3g}</text>'
        f'<text x="55" y="112" font-size="11" text-anchor="end">{least:.3g}</text>'
        f'<text x="660" y="125" font-size="11" text-anchor="end">{last:.0f} steps</text>'
    )
    return (
        f'<p>{escape(title)}</p><svg viewBox="0 0 700 130" width="700" role="img" aria-label="{escape(title)}">'
        f'<polyline points="{path}" fill="none" stroke="#0b3d91"/>{dots}{marks}</svg>'
    )


def _finite(records: Sequence[Mapping[str, float | None]], key: str) -> Array:
    """Return (step, value) of the records that hold a finite value, `(n, 2)`."""
    pairs = [(record["step"], record[key]) for record in records if record.get(key) is not None]
    values = np.array(pairs, dtype=float).reshape(-1, 2)
    return values[np.isfinite(values).all(axis=1)]
