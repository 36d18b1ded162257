"""Fit the weights of `evaluation/key.py` to produced loops, and measure the keys of others.

fourfloor produce --count 600 --seed 4400000 --out data/keys
fourfloor produce --count 300 --seed 4500000 --out data/keys-unseen
python scripts/fit_key.py data/keys data/keys-unseen
"""

import argparse

import numpy as np
from scipy.optimize import minimize

from fourfloor.evaluation import key
from fourfloor.ingestion import catalogue

PENALTY = 1e-4


def main() -> None:
    """Print the weights, then how often they are right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fitted", help="dataset to fit the weights to")
    parser.add_argument("unseen", help="dataset to measure on")
    options = parser.parse_args()
    chromas, keys = known(options.fitted)
    key.WEIGHTS = np.round(fit(chromas, keys), 1)
    print(f"WEIGHTS = {key.WEIGHTS.tolist()}")
    print(measured(*known(options.unseen)))


def known(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Return chromas and keys of the loops of a produced dataset."""
    data = catalogue.load(path)
    loops = range(len(data.loops))
    chromas = np.stack([key.chroma_of(data.waveform(i), data.sample_rate) for i in loops])
    names = [data.loops[i].key or "" for i in loops]
    return chromas, np.array([key.NAMES.index(name[:-3]) + 12 * name.endswith("min") for name in names])


def fit(chromas: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Fit a softmax over 24 keys, the same for all twelve tonics; the few loops in major count for more."""
    counts = np.bincount(keys // 12, minlength=2)
    share = counts[keys // 12] ** -0.5
    share /= share.sum()
    from_tonic = np.stack([np.roll(chromas, -tonic, axis=2) for tonic in range(12)], axis=1)

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        weights = values.reshape(2, 2, 12)
        scores = np.einsum("ntbc,mbc->nmt", from_tonic, weights)
        scores -= scores.max(axis=(1, 2), keepdims=True)
        likely = np.exp(scores) / np.exp(scores).sum(axis=(1, 2), keepdims=True)
        rows = np.arange(len(keys))
        error = likely.copy()
        error[rows, keys // 12, keys % 12] -= 1
        slope = np.einsum("n,nmt,ntbc->mbc", share, error, from_tonic, optimize=True) + 2 * PENALTY * weights
        total = -np.log(likely[rows, keys // 12, keys % 12]) @ share + PENALTY * (weights**2).sum()
        return float(total), slope.ravel()

    return np.asarray(minimize(loss, np.zeros(2 * 2 * 12), jac=True, method="L-BFGS-B").x.reshape(2, 2, 12))


def measured(chromas: np.ndarray, keys: np.ndarray) -> str:
    """Say how many loops get a key, and how many of those keys are right."""
    likely = np.stack([key.key_probabilities(chroma) for chroma in chromas])
    found, given = likely.argmax(axis=1), likely.max(axis=1) >= key.PROBABLE
    right, same_tonic = found == keys, found % 12 == keys % 12
    return (
        f"{len(keys)} loops: {given.mean():.0%} get a key; of these {right[given].mean():.0%} have the right one, "
        f"{same_tonic[given].mean():.0%} the right tonic; without a threshold {right.mean():.0%}"
    )


if __name__ == "__main__":
    main()
