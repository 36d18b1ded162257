"""Fit the weights of `fourfloor.ingestion.phase`, and test them on albums left out of the fit.

    python scripts/fit_phase.py data/tracks --arranged 150 --produced 300 --seed 0

The script leaves out one album at a time (a game, a fifth of the arranged tracks, or a style of the produced tracks)
and prints the share of right beats and downbeats at the true tempo. Then it prints the weights fitted on all. The fit
is maximum likelihood with an L2 penalty.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from tempo_cases import Case, arranged_cases, music_cases, produced_cases

from fourfloor.ingestion import phase

# Excerpts of a file say nearly the same.
CASE_WEIGHTS = {"whole": 1.0, "excerpt": 0.4, "arranged": 0.25, "floor": 0.4, "produced": 0.4}
PENALTY = 1.5
NEAR_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The features of the sixteen positions of a case, the true downbeat first."""

    kind: str
    album: str
    features: np.ndarray


def choice(case: Case) -> Choice | None:
    """Return the features of a case at its true tempo, or None where the sixteenths were missed."""
    flux, bar = case.onsets.standardized(), 240.0 / case.bpm
    profile = phase.bar_profile(flux, bar, case.onsets.frame_rate)
    step, _ = phase.sixteenths(profile)
    features = phase.position_features(case.onsets, flux, case.bpm, step, profile)
    place = case.downbeat / bar * 16 - step / 24
    if abs(place - round(place)) * bar / 16 > NEAR_SECONDS:
        return None
    return Choice(kind=case.kind, album=case.album, features=np.roll(features, -round(place), axis=0))


def fit(choices: list[Choice]) -> np.ndarray:
    """Return the weights under which the true positions are most likely."""
    features = np.stack([choice.features for choice in choices])
    importance = np.array([CASE_WEIGHTS[choice.kind] for choice in choices])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        scores = features @ weights
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        expected = np.einsum("cp,cpf->cf", odds, features)
        likelihood = importance @ np.log(odds[:, 0] + 1e-15)
        slope = importance @ (features[:, 0] - expected)
        return PENALTY * weights @ weights - likelihood, 2 * PENALTY * weights - slope

    start = np.zeros(features.shape[2])
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x)


def leave_albums_out(choices: list[Choice]) -> dict[str, np.ndarray]:
    """Return for each kind of case the shares of right beats and right downbeats on albums left out of the fit."""
    right: dict[str, list[tuple[bool, bool]]] = {}
    for album in sorted({choice.album for choice in choices}):
        weights = fit([choice for choice in choices if choice.album != album])
        for left_out in (choice for choice in choices if choice.album == album):
            best = int(np.argmax(left_out.features @ weights))
            right.setdefault(left_out.kind, []).append((best % 4 == 0, best == 0))
    return {kind: np.mean(pairs, axis=0) for kind, pairs in right.items()}


def main() -> None:
    """Print what the weights are worth, then the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, help="folder with tempo.csv")
    parser.add_argument("--excerpts", type=int, default=5, help="random excerpts of 30 s a file")
    parser.add_argument("--arranged", type=int, default=150, help="how many arranged tracks")
    parser.add_argument("--produced", type=int, default=300, help="how many produced loops")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cases = chain(
        music_cases(options.music, options.excerpts, options.seed),
        arranged_cases(options.arranged, 10_000 * (options.seed + 1)),
        produced_cases(options.produced, 10_000 * (options.seed + 1)),
    )
    found = [choice(case) for case in cases]
    choices = [choice for choice in found if choice is not None]
    print(f"seed {options.seed}: the sixteenths of {len(choices)} of {len(found)} cases were found")
    for kind, (beats, downbeats) in leave_albums_out(choices).items():
        print(f"{kind:9} left out: beat {beats:6.1%}  downbeat {downbeats:6.1%}")
    weights = fit(choices)
    rare = [len(phase.RARE_PLACES) + len(phase.MISSING_PLACES)] * len(phase.RARE_GROUPS)
    ends = np.cumsum([*[8] * len(phase.GROUPS), len(phase.CHANGES), *rare])
    for row in np.split(weights, ends[:-1]):
        print(", ".join(f"{weight:.2f}" for weight in row) + ",")


if __name__ == "__main__":
    main()
