"""A SuperCollider file: a buffer a loop, and a synth that loops it without a gap.

`PlayBuf` at the buffer's own rate reads whole frames. Tried with sclang and scsynth 3.13.0, rendered offline.
"""

from fourfloor.packs.contents import Pack


def write(pack: Pack) -> list[str]:
    """Write `supercollider.scd`."""
    names = "\n".join(f"    '{loop.name}'," for loop in pack.loops)
    pack.write_text("supercollider.scd", _TEXT.format(names=names, first=pack.loops[0].name))
    return []


_TEXT = """// Evaluate the first block, then a line below it. ~loops holds a buffer for each name.
(
~names = [
{names}
];
s.waitForBoot {{
    ~loops = Dictionary.newFrom(~names.collect {{ |name|
        [name, Buffer.read(s, thisProcess.nowExecutingPath.dirname +/+ "loops" +/+ (name ++ ".wav"))]
    }}.flat);
}};
~play = {{ |name|
    {{
        var buffer = ~loops[name];
        var sound = PlayBuf.ar(buffer.numChannels, buffer, BufRateScale.kr(buffer), loop: 1);
        if (buffer.numChannels == 1) {{ sound ! 2 }} {{ sound }}
    }}.play
}};
)

x = ~play.('{first}');
x.free;
"""
