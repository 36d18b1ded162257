"""Name the known failures: the numbers of a set of loops go in, the names of what they sound like come out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fourfloor.evaluation.numbers import HeardSet, Ruler, median
from fourfloor.evaluation.scores import COPY_LIMIT
from fourfloor.evaluation.verdict import Gate

MEANING = {
    "silence": "most loops hold no sound",
    "not finite": "some loops hold NaN or infinite samples",
    "noise": "white or colored noise without rhythm",
    "noise with distorted rhythm": "a buried, distorted rhythm under noise, as from a plain autoencoder",
    "helicopter": "noise gated on the beat: all bands move together, as from a spectrogram GAN",
    "superposition": "many training loops on top of each other, as from a spectrogram VAE",
    "collapse": "the loops resemble each other far more than tracks do",
    "copying": "passages of the training set, perhaps transposed or at another tempo",
    "off-grid": "the tempo that was asked for is not heard",
    "not a loop: wrong length": "tiled copies drift against the beat",
    "not a loop: click": "a click where the end meets the start",
    "not a loop: gap": "the sound fades or stops at the ends",
    "one bar repeated": "every bar is the same bar",
    "no form": "neighboring bars have less in common than bars of real loops",
    "shuffled": "the sound of the style without its rhythm",
    "other style": "music, but as far from the held-out tracks as another style",
    "crackle": "single clicks inside the loops",
    "clipping": "flattened peaks",
}


def diagnose(heard: HeardSet, numbers: Mapping[str, float], rows: Mapping[str, Mapping[str, float]],
             gates: Mapping[str, Gate], ruler: Ruler) -> list[str]:
    """Name the failures that the numbers show; empty when none is recognized."""
    names = [] if all(score.finite for score in heard.scores) else ["not finite"]
    if np.mean([score.silent for score in heard.scores]) > 0.5:
        return [*names, "silence"]
    names += _noises(heard, numbers, ruler)
    noisy = bool(names)
    names += _sets(heard, numbers, rows, gates, ruler, noisy)
    names += _loops(heard, gates, ruler, noisy)
    return names


def _noises(heard: HeardSet, numbers: Mapping[str, float], ruler: Ruler) -> list[str]:
    envelope = ruler.envelope
    flatness = median([score.flatness_db for score in heard.scores])
    modulation = median([score.modulation_db for score in heard.scores])
    flat = flatness > envelope.high.get("flatness_db", np.inf)
    # Noise that is gated to silence is never still, so its movement is unusual at the other end.
    still = modulation < envelope.low.get("modulation_db", -np.inf)
    if numbers["independence"] < 0.1 and numbers["pulse"] >= envelope.middle.get("pulse", 1.0):
        return ["helicopter"]
    if flat or (still and flatness > envelope.middle.get("flatness_db", np.inf)):
        return ["noise"] if numbers["tempo"] < 0.5 else ["noise with distorted rhythm"]
    return []


def _sets(heard: HeardSet, numbers: Mapping[str, float], rows: Mapping[str, Mapping[str, float]],
          gates: Mapping[str, Gate], ruler: Ruler, noisy: bool) -> list[str]:
    names = []
    copies = len(heard.matches) > 0 and float(heard.copy_scores.max()) >= COPY_LIMIT
    if not noisy and gates["diversity"].passes is False and numbers["diversity"] < 0.7:
        movement = median([score.modulation_db for score in heard.scores])
        usual = np.percentile([score.modulation_db for score in ruler.train.scores], 25)
        # Sixteen loops at once lie at .54 with little movement; one loop and a little noise below .1.
        names.append("superposition" if movement < usual and numbers["diversity"] > 0.3 else "collapse")
    if copies:
        names.append("copying")
    closed = gates["tempo"].passes and gates["seam"].passes  # or the distance needs no other explanation
    if not names and not noisy and closed and gates["style"].passes is False:
        names.append("shuffled" if _is_shuffled(numbers, rows, ruler) else "other style")
    return names


def _is_shuffled(
    numbers: Mapping[str, float], rows: Mapping[str, Mapping[str, float]], ruler: Ruler
) -> bool:
    repetitions = [score.repetition for score in ruler.train.scores if np.isfinite(score.repetition)]
    loose = bool(repetitions) and numbers["repetition"] < np.percentile(repetitions, 25)
    return bool(loose and numbers["style"] < 0.5 * rows.get("B", {}).get("style", np.inf))


def _loops(heard: HeardSet, gates: Mapping[str, Gate], ruler: Ruler, noisy: bool) -> list[str]:
    names = []
    if gates["tempo"].passes is False:
        names.append("off-grid")
    if gates["seam"].passes is False and not noisy:  # noise has no beat to drift against
        faults = {"grid": "wrong length", "click": "click", "dip": "gap"}
        shares = {fault: float(np.mean([fault in s.seam.faults for s in heard.scores])) for fault in faults}
        worst = max(shares.values())
        names += [f"not a loop: {faults[fault]}" for fault, share in shares.items() if share >= max(0.05, worst / 2)]
    repetition = gates["repetition"]
    if repetition.passes is False:
        names.append("one bar repeated" if repetition.value > repetition.high else "no form")
    for number, name in (("crackle", "crackle"), ("clipping", "clipping")):
        if np.mean([not ruler.envelope.holds(number, getattr(score, number)) for score in heard.scores]) > 0.2:
            names.append(name)
    return names
