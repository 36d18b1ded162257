"""A snippet for Tidal: SuperDirt takes the folder of loops as one sound, numbered in the order of names.

Names begin with the pack's name and a zero-padded number, because SuperDirt lists a folder as the system sorts it. Not
run: Tidal, SuperDirt.
"""

from fourfloor.packs.contents import LOOPS, Pack


def write(pack: Pack) -> list[str]:
    """Write `tidal.tidal`."""
    folder = f'"/path/to/{pack.name}/{LOOPS}"'
    lines = [f"-- In SuperCollider first: ~dirt.loadSoundFileFolder({folder}, '{pack.name}')"]
    for number, loop in enumerate(pack.loops):
        mute = "-- " if number else ""
        lines.append(f"{mute}setcps ({loop.bpm:.9g}/60/4)")
        lines.append(f'{mute}d1 $ loopAt {loop.bars} $ sound "{pack.name}:{number}"')
    pack.write_text("tidal.tidal", "\n".join(lines) + "\n")
    return []
