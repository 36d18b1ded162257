"""Run the editing verbs in one process, and write how many seconds of audio each makes in a CPU-second.

python verbs.py report.json
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

import fourfloor as ff
from fourfloor.editing.midi import transcribe
from fourfloor.editing.rekit import open_kit, rekit
from fourfloor.editing.stems import separate

TIMES = 4


def main() -> None:
    """Warm each verb up, and time it on loops of four bars."""
    report = Path(sys.argv[1])
    model = ff.load("warehouse")
    loops = [model.generate(seed=seed, redraws=0) for seed in range(TIMES + 1)]
    with tempfile.TemporaryDirectory() as folder:
        t = np.arange(11_025) / 44_100
        soundfile.write(Path(folder) / "kick.wav", np.sin(2 * np.pi * 55 * t) * np.exp(-12 * t), 44_100)
        kit = open_kit(Path(folder))
    verbs: dict[str, tuple[int, Callable[[int], object]]] = {  # the loops that one call makes, and the call
        "vary": (1, lambda i: model.vary(loops[i], amount=0.3, seed=i)),
        "fill": (1, lambda i: model.fill(loops[i], beats=(5, 8), seed=i)),
        "continue": (1, lambda i: model.extend(loops[i], whole=False, seed=i)),
        "morph": (6, lambda i: model.morph(loops[i], loops[i - 1], steps=6)),
        "stems": (1, lambda i: separate(loops[i].waveform, loops[i].bars)),
        "midi": (1, lambda i: transcribe(loops[i].waveform, loops[i].bars)),
        "rekit": (1, lambda i: rekit(loops[i].waveform, loops[i].bars, kit)),
    }
    seconds = loops[0].waveform.shape[1] / loops[0].sample_rate
    report.write_text(json.dumps({name: made * seconds / cost(verb) for name, (made, verb) in verbs.items()}))


def cost(verb: Callable[[int], object]) -> float:
    """Return the CPU-seconds of one call."""
    verb(0)
    began = time.process_time()
    for number in range(1, TIMES + 1):
        verb(number)
    return (time.process_time() - began) / TIMES


if __name__ == "__main__":
    main()
