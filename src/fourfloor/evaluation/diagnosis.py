"""Name the known failures: the numbers of a set of loops go in, the names of its failures come out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fourfloor.copies.policy import is_copy
from fourfloor.evaluation.features import colors
from fourfloor.evaluation.numbers import Norms, ScoredSet, median
from fourfloor.evaluation.verdict import Gate

MEANING = {
    "silence": "most loops hold no sound",
    "not finite": "some loops hold NaN or infinite samples",
    "noise": "white or colored noise without rhythm",
    "noise with distorted rhythm": "a rhythm, buried or another than was asked for, in noise of any color, as from a "
    "plain autoencoder",
    "helicopter": "noise chopped at a steady rate, on the beat or at the network's own, as from a spectrogram GAN",
    "superposition": "many training loops on top of each other, or noise of their mean color, as from a spectrogram "
    "VAE",
    "collapse": "the loops resemble each other far more than tracks do",
    "copying": "passages of the training set, perhaps transposed or at another tempo",
    "off-grid": "the loop is not in the requested tempo",
    "not a loop: wrong length": "tiled copies drift against the beat",
    "not a loop: click": "a click where the end meets the start",
    "not a loop: gap": "the sound fades or stops at the ends",
    "one bar repeated": "every bar is the same bar",
    "no form": "neighboring bars have less in common than bars of real loops",
    "shuffled": "the sound of the style without its rhythm",
    "other style": "loops in tempo, but farther from the held-out tracks than the style gate allows",
    "crackle": "single clicks inside the loops",
    "clipping": "flattened peaks",
}


NOISE_PULSE = 0.35  # white noise has less (row D)
CHOP = 0.4  # music has as much at sixteenths, but then its tempo can be measured
CHOP_TOLERANCE = 0.02


def diagnose(
    scored: ScoredSet,
    numbers: Mapping[str, float],
    rows: Mapping[str, Mapping[str, float]],
    gates: Mapping[str, Gate],
    norms: Norms,
) -> list[str]:
    """Name the failures that the numbers show; empty when none is recognized."""
    names = [] if all(score.finite for score in scored.scores) else ["not finite"]
    if np.mean([score.silent for score in scored.scores]) > 0.5:
        return [*names, "silence"]
    names += _noises(scored, numbers, norms)
    noisy = bool(names)
    names += _sets(scored, numbers, rows, gates, norms, noisy)
    names += _loops(scored, gates, norms, noisy)
    return names


def _noises(scored: ScoredSet, numbers: Mapping[str, float], norms: Norms) -> list[str]:
    envelope = norms.envelope
    off_grid = numbers["tempo"] < 0.5
    flatness = median([score.flatness_db for score in scored.scores])
    modulation = median([score.modulation_db for score in scored.scores])
    noisy = flatness > envelope.high.get("flatness_db", np.inf)
    # Noise that is gated to silence is never still, so its movement is unusual at the other end.
    still = modulation < envelope.low.get("modulation_db", -np.inf)
    noisy |= still and flatness > envelope.middle.get("flatness_db", np.inf)
    noisy |= off_grid and _is_still(scored, norms)  # of any color: networks that only make bass are not flat
    gated = numbers["independence"] < 0.1 and numbers["pulse"] >= envelope.middle.get("pulse", 1.0)
    if gated or (off_grid and _is_chopped(scored)):
        return ["helicopter"]
    if not noisy:
        return []
    if not off_grid or numbers["pulse"] > NOISE_PULSE:
        return ["noise with distorted rhythm"]
    return ["superposition"] if _has_mean_color(scored, norms) else ["noise"]


def _is_chopped(scored: ScoredSet) -> bool:
    """Return whether loops of all tempi are chopped at one rate: a stride of the network, no rhythm."""
    rates = np.array([score.chop_hz for score in scored.scores])
    one_rate = np.abs(rates / max(median(list(rates)), 1e-9) - 1) < CHOP_TOLERANCE
    return bool(np.mean(one_rate) > 0.7 and median([score.chop for score in scored.scores]) > CHOP)


def _is_still(scored: ScoredSet, norms: Norms) -> bool:
    """Return whether the bands of half the loops move less than those of all but a twentieth of the training loops."""
    usual = np.percentile([score.modulation_db for score in norms.train.scores], 5)
    return bool(median([score.modulation_db for score in scored.scores]) < usual)


def _has_mean_color(scored: ScoredSet, norms: Norms) -> bool:
    """Return whether the loops' spectra are nearer to the mean of the training set than its own loops are."""
    mean = colors(norms.train.vectors).mean(axis=0)
    usual = (colors(norms.train.vectors) - mean).std(axis=1)
    return bool(np.median((colors(scored.vectors) - mean).std(axis=1)) < np.percentile(usual, 5))


def _sets(
    scored: ScoredSet,
    numbers: Mapping[str, float],
    rows: Mapping[str, Mapping[str, float]],
    gates: Mapping[str, Gate],
    norms: Norms,
    noisy: bool,
) -> list[str]:
    names = []
    # Held-out music also has some copies by chance, from which the limit of the gate follows.
    copies = any(is_copy(match.score) for match in scored.matches) and gates["copies"].passes is not True
    if not noisy and gates["diversity"].is_inside is False and numbers["diversity"] < 0.7:
        movement = median([score.modulation_db for score in scored.scores])
        usual = np.percentile([score.modulation_db for score in norms.train.scores], 25)
        # Sixteen loops at once lie at .54 with little movement; one loop and a little noise below .1.
        names.append("superposition" if movement < usual and numbers["diversity"] > 0.3 else "collapse")
    if copies:
        names.append("copying")
    closed = gates["tempo"].is_inside and gates["seam"].is_inside  # or the distance needs no other explanation
    if not names and not noisy and closed and gates["style"].is_inside is False:
        names.append("shuffled" if _is_shuffled(numbers, rows, norms) else "other style")
    return names


def _is_shuffled(numbers: Mapping[str, float], rows: Mapping[str, Mapping[str, float]], norms: Norms) -> bool:
    repetitions = [score.repetition for score in norms.train.scores if np.isfinite(score.repetition)]
    loose = bool(repetitions) and numbers["repetition"] < np.percentile(repetitions, 25)
    return bool(loose and numbers["style"] < 0.5 * rows.get("B", {}).get("style", np.inf))


def _loops(scored: ScoredSet, gates: Mapping[str, Gate], norms: Norms, noisy: bool) -> list[str]:
    names = []
    if gates["tempo"].is_inside is False:
        names.append("off-grid")
    if gates["seam"].is_inside is False and not noisy:  # noise has no beat to drift against
        faults = {"grid": "wrong length", "click": "click", "dip": "gap"}
        shares = {fault: float(np.mean([fault in s.seam.faults for s in scored.scores])) for fault in faults}
        worst = max(shares.values())
        names += [f"not a loop: {faults[fault]}" for fault, share in shares.items() if share >= max(0.05, worst / 2)]
    repetition = gates["repetition"]
    if repetition.is_inside is False:
        names.append("one bar repeated" if repetition.value > repetition.high else "no form")
    for number, name in (("crackle", "crackle"), ("clipping", "clipping")):
        if np.mean([not norms.envelope.holds(number, getattr(score, number)) for score in scored.scores]) > 0.2:
            names.append(name)
    return names
