"""How loops sound beside each other: the scorecard's style vectors, the nearest loops of one, and a map of all.

In: the vectors that lie beside the loops. Out: names by likeness, or places on a plane.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fourfloor.evaluation.features import N_MELS, analyze, style_vector

VECTOR = "f32"  # ending of a vector's file: little-endian float32
SIZE = 512


def vector_of(waveform: np.ndarray, sample_rate: int, bars: int) -> np.ndarray:
    """Describe the sound and the movement of a loop `(channels, samples)` in `SIZE` numbers."""
    vector = style_vector(analyze(waveform, sample_rate), bars)
    # Mean and spread of the spectrum and the movement count alike: all are in dB, but the last is six times as many.
    vector[2 * N_MELS :] *= np.sqrt(N_MELS / (SIZE - 2 * N_MELS))
    return vector.astype("<f4")


def read_vectors(paths: Iterable[tuple[str, Path]]) -> tuple[list[str], np.ndarray]:
    """Read vectors as `(n, SIZE)`, with the names of the loops that have one."""
    read = ((name, _vector(path)) for name, path in paths)
    held = [(name, vector) for name, vector in read if vector is not None]
    return [name for name, _ in held], np.array([vector for _, vector in held]).reshape(-1, SIZE)


def _vector(path: Path) -> np.ndarray | None:
    """Read a vector `(SIZE,)`; None where the file cannot be read or holds another number of values."""
    try:
        vector = np.fromfile(path, "<f4", SIZE + 1)
    except OSError:
        return None
    return vector if vector.size == SIZE and np.isfinite(vector).all() else None


def nearest(name: str, names: list[str], vectors: np.ndarray) -> list[str]:
    """List all other loops, the most similar one first; empty where the loop has no vector."""
    if name not in names:
        return []
    distances = np.linalg.norm(vectors - vectors[names.index(name)], axis=1)
    return [names[index] for index in np.argsort(distances, kind="stable") if names[index] != name]


def places(names: list[str], vectors: np.ndarray) -> dict[str, list[float]]:
    """Place loops on a plane, 0-1 each way: the two directions in which they differ most."""
    if len(names) < 3:
        return {name: [(index + 1) / (len(names) + 1), 0.5] for index, name in enumerate(names)}
    centered = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    plane = centered @ axes[:2].T
    ranks = plane.argsort(axis=0).argsort(axis=0) / (len(names) - 1)  # ranks fill the plane; distances crowd
    return {name: [round(float(x), 4), round(float(y), 4)] for name, (x, y) in zip(names, ranks, strict=True)}
