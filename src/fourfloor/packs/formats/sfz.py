"""SFZ instruments: every loop on a key of its own, and for each loop its sixteenths on keys.

Opcodes of SFZ 1 and `loop_mode`; `loop_end` is the last frame that sounds, `end` likewise. Tried with the sfizz engine
(pysfizz 0.1.3) and sfzlint 0.1. Not run: ARIA, LinuxSampler.
"""

import itertools

from fourfloor.packs.contents import LOWEST_KEY, Pack, PackedLoop


def write(pack: Pack) -> list[str]:
    """Write `sfz/NAME.sfz`, and `sfz/LOOP_slices.sfz` for each loop."""
    for name, loops in pack.banks():
        regions = [_whole(loop, key) for key, loop in enumerate(loops, LOWEST_KEY)]
        pack.write_text(f"sfz/{name}.sfz", "// every loop on a key, from C2 up\n" + "".join(regions))
    for loop in pack.loops:
        pack.write_text(f"sfz/{loop.name}_slices.sfz", _slices(loop))
    return []


def _whole(loop: PackedLoop, key: int) -> str:
    return (
        f"<region> sample=../{loop.wav} key={key} pitch_keycenter={key} amp_veltrack=0\n"
        f" loop_mode=loop_continuous loop_start=0 loop_end={loop.frames - 1}\n"
    )


def _slices(loop: PackedLoop) -> str:
    points = loop.slices()
    lines = [f"// {len(points) - 1} slices of equal length, from C2 up\n<group> loop_mode=one_shot amp_veltrack=0\n"]
    for key, (start, end) in enumerate(itertools.pairwise(points), LOWEST_KEY):
        place = f"key={key} pitch_keycenter={key}"
        lines.append(f"<region> sample=../{loop.wav} {place} offset={start} end={end - 1}\n")
    return "".join(lines)
