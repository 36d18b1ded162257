"""Magnitudes of a circular STFT without phases -> phases, or a waveform.

`griffin_lim` is the fast variant (Perraudin, Balazs and Sondergaard 2013): it alternates between the spectrograms that
have the magnitudes and those that belong to a waveform, with momentum; without momentum it is Griffin and Lim's, 1984.

`phase_gradient` is Prusa, Balazs and Sondergaard's of 2017: with a Gaussian window the slopes of the log magnitude are
the slopes of the phase, which are summed up from bin to bin. Both see a circle: after the last frame comes the first.
"""

import numpy as np

from fourfloor.signal.stft import frame_centers, istft, stft

HANN_AS_GAUSSIAN = 0.25645  # exp(-pi t^2 / (this * win_length^2)) is the nearest Gaussian to a Hann window


def griffin_lim(
    magnitude: np.ndarray,
    samples: int,
    rng: np.random.Generator,
    iterations: int = 32,
    momentum: float = 0.99,
    phase: np.ndarray | None = None,
) -> np.ndarray:
    """Return a closed waveform float32 `(samples,)` whose STFT has nearly `magnitude` `(frames, n_fft // 2 + 1)`.

    Iterations begin at `phase` of the same shape, in radians, or at random.
    """
    start = 2 * np.pi * rng.random(magnitude.shape) if phase is None else phase
    spectrum = (magnitude * np.exp(1j * start)).astype(np.complex64)
    refine_phases(spectrum, magnitude, samples, iterations, momentum)
    return istft(spectrum, samples)


def refine_phases(
    spectrum: np.ndarray,
    magnitude: np.ndarray,
    samples: int,
    iterations: int,
    momentum: float,
    bins: slice = slice(None),
) -> None:
    """Move the phases of `spectrum` `(frames, n_fft // 2 + 1)`, in place, toward those of a closed waveform.

    Only `bins` are refined, whose `magnitude` `(frames, bins)` stays; what lies outside must be 0.
    """
    frames, n_fft = spectrum.shape[0], 2 * (spectrum.shape[1] - 1)
    inner = spectrum[:, bins]
    accelerated, gain = np.zeros_like(inner), np.empty_like(magnitude)
    for _ in range(iterations):
        rebuilt = stft(istft(spectrum, samples), frames, n_fft)[:, bins]
        # rebuilt + momentum * (rebuilt - previous) over 1 + momentum: its phase alone counts.
        accelerated *= -momentum / (1 + momentum)
        accelerated += rebuilt
        np.abs(accelerated, out=gain)
        gain += 1e-9
        np.divide(magnitude, gain, out=gain)
        np.multiply(accelerated, gain, out=inner)
        accelerated = rebuilt


def phase_gradient(
    magnitude: np.ndarray, samples: int, rng: np.random.Generator, tolerance: float = 1e-6
) -> np.ndarray:
    """Return phases float32 `(frames, n_fft // 2 + 1)` in radians for the magnitudes of a loop of `samples` samples.

    The paper follows the loudest neighbor with a heap. Here the steps between neighbors are summed along the spanning
    tree of greatest magnitude, which needs no heap: a third of the time, and slightly nearer to the magnitudes. Where
    a tree begins, and below `tolerance` of the loudest bin, phases are drawn from `rng`.
    """
    floor = max(tolerance * float(magnitude.max()), 1e-30)
    level = np.log(np.maximum(magnitude, floor)).astype(np.float64)
    first, second, step = _steps(level, samples)
    weight = level.ravel()[first] + level.ravel()[second]
    heard = (magnitude.ravel()[first] > floor) & (magnitude.ravel()[second] > floor)
    loudest_first = np.flatnonzero(heard)[np.argsort(-weight[heard], kind="stable")]
    phase, tree = _sum_along_tree(first[loudest_first], second[loudest_first], step[loudest_first], magnitude.size)
    phase += 2 * np.pi * rng.random(magnitude.size)[tree]
    return (phase % (2 * np.pi)).astype(np.float32).reshape(magnitude.shape)


def _steps(level: np.ndarray, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs of neighboring bins, as two arrays of flat indices, and the phase step from first to second.

    Slopes at two neighbors are averaged (trapezoidal rule). Phases are those of `stft`, counted from the window's left
    edge: a bin up turns by half a circle, and a frame on turns bin k by its frequency times the samples between.
    """
    frames, bins = level.shape
    n_fft, hop = 2 * (bins - 1), samples / frames
    gamma = HANN_AS_GAUSSIAN * n_fft**2
    centers = frame_centers(samples, frames)
    turns = np.diff(np.append(centers, centers[0] + samples))[:, None] * np.arange(bins) / n_fft
    time_slope = np.gradient(level, axis=1) * (hop * n_fft / gamma)
    bin_slope = (np.roll(level, 1, axis=0) - np.roll(level, -1, axis=0)) / 2 * (gamma / (hop * n_fft))
    in_time = 2 * np.pi * turns + (time_slope + np.roll(time_slope, -1, axis=0)) / 2
    in_frequency = (bin_slope[:, 1:] + bin_slope[:, :-1]) / 2 - np.pi
    index = np.arange(level.size).reshape(level.shape)
    first = np.concatenate([index.ravel(), index[:, :-1].ravel()])
    second = np.concatenate([np.roll(index, -1, axis=0).ravel(), index[:, 1:].ravel()])
    return first, second, np.concatenate([in_time.ravel(), in_frequency.ravel()])


def _sum_along_tree(
    first: np.ndarray, second: np.ndarray, step: np.ndarray, nodes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sum steps along the spanning tree of the earliest edges; return each node's sum from its root, and its root.

    Boruvka (1926): every tree takes its earliest edge to another tree, all at once, until no edge joins two trees.
    """
    total, root = np.zeros(nodes), np.arange(nodes)
    while len(first):
        edges = len(first)
        best = np.full(nodes, edges)
        backward = np.arange(edges)[::-1]  # the last write to one place stays: the earliest edge
        best[root[first][::-1]] = backward
        other_end = np.full(nodes, edges)
        other_end[root[second][::-1]] = backward
        best = np.minimum(best, other_end)
        tree = np.flatnonzero(best < edges)
        edge = best[tree]
        ahead = total[first[edge]] + step[edge] - total[second[edge]]  # of the second end's root, seen from the first's
        outward = root[first[edge]] == tree
        parent, lead = np.arange(nodes), np.zeros(nodes)
        parent[tree] = np.where(outward, root[second[edge]], root[first[edge]])
        lead[tree] = np.where(outward, -ahead, ahead)
        mutual = tree[(parent[parent[tree]] == tree) & (tree < parent[tree])]
        parent[mutual], lead[mutual] = mutual, 0.0
        while not np.array_equal(parent[parent[tree]], parent[tree]):  # halve the way to the root
            lead[tree], parent[tree] = lead[tree] + lead[parent[tree]], parent[parent[tree]]
        total, root = total + lead[root], parent[root]
        apart = root[first] != root[second]
        first, second, step = first[apart], second[apart], step[apart]
    return total, root


def from_bands(bands: np.ndarray, filters: np.ndarray, iterations: int = 20) -> np.ndarray:
    """Return magnitudes `(frames, bins)` >= 0 that `filters` `(n, bins)` see as nearly `bands` `(frames, n)`.

    Multiplicative updates (Lee and Seung 2001) of the divergence, which unlike the squared error heeds quiet bands too;
    they begin at the bands spread over their bins, so what the bands do not tell stays smooth.
    """
    weight = np.maximum(filters.sum(axis=0), 1e-9)
    magnitude = bands @ filters / weight
    for _ in range(iterations):
        magnitude = magnitude * ((bands / np.maximum(magnitude @ filters.T, 1e-9)) @ filters / weight)
    return magnitude.astype(np.float32)
