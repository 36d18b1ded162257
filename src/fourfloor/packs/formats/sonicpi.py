"""A Sonic Pi buffer that plays a loop again each time it ends.

Not run. Sonic Pi reads no tempo from a file and schedules in seconds, so the joint is as exact as its clock.
"""

from fourfloor.packs.contents import LOOPS, Pack


def write(pack: Pack) -> list[str]:
    """Write `sonicpi.rb`."""
    lines = [f"folder = '/path/to/{pack.name}/{LOOPS}'"]
    for number, loop in enumerate(pack.loops):
        mute = "# " if number else ""
        wav = f"folder + '/{loop.name}.wav'"
        lines += [
            f"{mute}live_loop :loop_{number + 1} do",
            f"{mute}  use_bpm {loop.bpm:.9g}",
            f"{mute}  sample {wav}",
            f"{mute}  sleep {loop.beats}",
            f"{mute}end",
        ]
    pack.write_text("sonicpi.rb", "\n".join(lines) + "\n")
    return []
