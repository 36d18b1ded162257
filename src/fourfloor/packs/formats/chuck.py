"""A ChucK program that loops one of the loops without a gap.

With `SndBuf2`: `SndBuf` mutes the first sample of the first pass, and `SndBuf2` with `2 => interp` is silent. Tried
with ChucK 1.4.2.
"""

from fourfloor.packs.contents import Pack


def write(pack: Pack) -> list[str]:
    """Write `chuck/NAME.ck`, to be run in its folder."""
    files = ",\n".join(f'    "../{loop.wav}"' for loop in pack.loops)
    pack.write_text(f"chuck/{pack.name}.ck", _TEXT.format(files=files, name=pack.name))
    return []


_TEXT = """// chuck {name}.ck:0 plays the first loop, {name}.ck:1 the second
[
{files}
] @=> string files[];
0 => int number;
if (me.args() > 0) Std.atoi(me.arg(0)) => number;

SndBuf2 loop => dac;
me.dir() + files[number] => loop.read;
1 => loop.loop;
while (true) 1::second => now;
"""
