"""A sample map for Strudel, and a pattern that plays the loops in tempo.

A map without `_base` is read relative to its own address, so that the pack plays from wherever it is served; with one,
every sound after it would inherit it. Lists, never note names as keys: those repitch. Tried with superdough 1.3.0 (how
the map is read) and @strudel/core 1.2.6 (when the pattern plays); not heard in strudel.cc.
"""

import json

from fourfloor.packs.contents import Pack


def write(pack: Pack) -> list[str]:
    """Write `strudel.json` and `strudel.js`."""
    sounds = {pack.name: [loop.wav for loop in pack.loops]}
    for loop in pack.loops:
        sounds |= {f"{loop.name}_{stem}": [file] for stem, file in loop.stems.items()}
    pack.write_text("strudel.json", json.dumps(sounds, indent=1) + "\n")
    lines = [
        "// Serve this folder (npx serve --cors) and evaluate in strudel.cc. One cycle is a bar.",
        "samples('http://localhost:3000/strudel.json')",
    ]
    for number, loop in enumerate(pack.loops):
        mute = "// " if number else ""
        lines.append(
            f"{mute}setcps({loop.bpm:.9g}/240); $: s('{pack.name}:{number}').loopAt({loop.bars}) // {loop.name}"
        )
    pack.write_text("strudel.js", "\n".join(lines) + "\n")
    return []
