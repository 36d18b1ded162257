"""Fit the vocabulary of the copy index to a model's fingerprints: python scripts/fit_vocabulary.py FOLDER OUT.

The axes are the 48 directions in which windows vary most, each scaled by its spread to the power -1/2; the centers are
those of spherical k-means, five rounds from random windows. Indexes that were written with another vocabulary are
refused, so a new one is a new version of the format. 15 CPU-seconds for 12 hours of music.
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from fourfloor.copies import fingerprints

NUMBERS, CELLS, ROUNDS = 48, 4096, 5

windows = fingerprints.load(Path(sys.argv[1])).index.windows
patches = windows.patches(windows.spaced())
patches = patches[patches.any(axis=1)]
mean = patches.mean(axis=0)
spread, directions = np.linalg.eigh(np.cov((patches - mean).T))
axes = directions[:, -NUMBERS:] * spread[-NUMBERS:] ** -0.25
described = (patches - mean) @ axes
described = (described / np.linalg.norm(described, axis=1, keepdims=True)).astype(np.float32)
centers = described[np.random.default_rng(0).choice(len(described), CELLS, replace=False)]
for _ in range(ROUNDS):
    cells = np.concatenate([(part @ centers.T).argmax(axis=1) for part in np.array_split(described, 40)])
    sums = np.zeros_like(centers)
    np.add.at(sums, cells, described)
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    centers = np.where(norms > 0, sums / np.maximum(norms, 1e-9), centers)
save_file({"mean": mean.astype(np.float16), "axes": np.ascontiguousarray(axes.astype(np.float16)),
           "centers": centers.astype(np.float16)}, sys.argv[2])  # fmt: skip
