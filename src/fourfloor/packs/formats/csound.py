"""A Csound file that plays each loop twice over without a gap.

`diskin2` with wrap, which reads the file's own frames; `loscil` and `flooper2` treat loop points in ways of their own.
Tried with Csound 6.18.1.
"""

from fourfloor.packs.contents import Pack

PASSES = 2


def write(pack: Pack) -> list[str]:
    """Write `csound/NAME.csd`, to be run in its folder; say which loops have another rate than the first."""
    start, events = 0.0, []
    for loop in pack.loops:
        duration = PASSES * loop.seconds
        events.append(f'i {loop.channels} {start:.9f} {duration:.9f} "../{loop.wav}"')
        start += duration
    rate = pack.loops[0].sample_rate
    pack.write_text(f"csound/{pack.name}.csd", _TEXT.format(rate=rate, events="\n".join(events)))
    return [f"csound: {loop.name} is resampled to {rate} Hz" for loop in pack.loops if loop.sample_rate != rate]


_TEXT = """<CsoundSynthesizer>
<CsOptions>
-o dac
</CsOptions>
<CsInstruments>
sr = {rate}
ksmps = 1
nchnls = 2
0dbfs = 1

instr 1 ; mono
  a1 diskin2 p4, 1, 0, 1
  outs a1, a1
endin

instr 2 ; stereo
  a1, a2 diskin2 p4, 1, 0, 1
  outs a1, a2
endin
</CsInstruments>
<CsScore>
{events}
</CsScore>
</CsoundSynthesizer>
"""
