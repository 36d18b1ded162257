"""Let basic-pitch (Bittner et al. 2022) transcribe the bass of the loops that measure_verbs.py --wav wrote; print F1.

Run it in an environment of its own: pip install basic-pitch onnxruntime. It gets the range of the bass as limits.
"""

import json
import sys
from pathlib import Path

from basic_pitch import ICASSP_2022_MODEL_PATH
from basic_pitch.inference import predict

LOWEST_HZ, HIGHEST_HZ = 28.0, 270.0
TOLERANCES = (0.020, 0.050)  # seconds; its authors use the second


def matched(truth: list[list[float]], found: list[list[float]], seconds: float, tolerance: float) -> int:
    """Count the true notes that a found one of the same pitch is near to, around the loop."""
    free, hits = list(found), 0
    for at, pitch in truth:
        near = [
            (abs((other - at + seconds / 2) % seconds - seconds / 2), number)
            for number, (other, other_pitch) in enumerate(free)
            if other_pitch == pitch
        ]
        if near and min(near)[0] <= tolerance:
            free.pop(min(near)[1])
            hits += 1
    return hits


def main(folder: Path) -> None:
    """Print F1, precision and recall for each tolerance."""
    counts = {tolerance: [0, 0, 0] for tolerance in TOLERANCES}
    for path in sorted(folder.glob("*.wav")):
        known = json.loads(path.with_suffix(".json").read_text())
        _, _, notes = predict(path, ICASSP_2022_MODEL_PATH, minimum_frequency=LOWEST_HZ, maximum_frequency=HIGHEST_HZ)
        found = [[float(note[0]), int(note[2])] for note in notes]
        for tolerance, count in counts.items():
            hits = matched(known["bass"], found, known["seconds"], tolerance)
            count[:] = [total + more for total, more in zip(count, (hits, len(known["bass"]), len(found)), strict=True)]
    for tolerance, (hits, true, found_count) in counts.items():
        f1, precision, recall = 2 * hits / max(true + found_count, 1), hits / max(found_count, 1), hits / max(true, 1)
        print(f"within {1000 * tolerance:.0f} ms: F1 {f1:.3f}, precision {precision:.3f}, recall {recall:.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
