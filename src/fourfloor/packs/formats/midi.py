"""MIDI files, byte for byte as they came, under the loops' names.

Tried with mido 1.3.3, pretty_midi 0.2.11 and symusic 0.6.0.
"""

import shutil

from fourfloor.packs.contents import MIDI, Pack


def write(pack: Pack) -> list[str]:
    """Write `midi/NAME.mid` of each loop that has one."""
    for loop in pack.loops:
        if loop.midi:
            shutil.copyfile(loop.midi, pack.place(f"{MIDI}/{loop.name}.mid"))
    return []
