"""Pure Data patches: one a loop, which plays it without a gap.

`metro` counts in samples and `vline~` starts on the sample, so the table is read frame by frame; `tabplay~` banged at
its own end would begin up to 63 samples late, and the phase of `phasor~` drifts. Tried with Pure Data 0.53.1.
"""

from fourfloor.packs.contents import Pack, PackedLoop


def write(pack: Pack) -> list[str]:
    """Write `puredata/LOOP.pd` for each loop."""
    for loop in pack.loops:
        pack.write_text(f"puredata/{loop.name}.pd", _patch(loop))
    return []


def _patch(loop: PackedLoop) -> str:
    tables = [f"{loop.name}-{side}" for side in "LR"[: loop.channels]]
    milliseconds = 1000 * loop.frames / loop.sample_rate
    boxes = [
        *(f"obj 300 {20 + 30 * number} table {table}" for number, table in enumerate(tables)),
        "obj 20 20 loadbang",
        "obj 20 50 t b b b",
        f"msg 80 80 read -resize -maxsize 1e+08 ../{loop.wav} {' '.join(tables)}",
        "obj 80 110 soundfiler",
        "msg 60 140 \\; pd dsp 1",
        f"obj 20 170 metro {loop.frames} 1 samp",
        f"msg 20 200 -1 \\, {loop.frames - 1} {milliseconds:.6f}",  # vline~ counts before it puts out
        "obj 20 230 vline~",
        "obj 20 260 +~ 0.5",
        f"obj 20 290 tabread~ {tables[0]}",
        f"obj 160 290 tabread~ {tables[-1]}",
        "obj 20 320 dac~ 1 2",
        f"text 20 350 Set the sample rate of Pd to {loop.sample_rate}",
    ]
    (loadbang, bangs, read, soundfiler, dsp, metro, line, vline, half, left, right, dac) = range(
        len(tables), len(tables) + 12
    )
    lines = [
        (loadbang, 0, bangs, 0), (bangs, 2, read, 0), (read, 0, soundfiler, 0), (bangs, 1, dsp, 0),
        (bangs, 0, metro, 0), (metro, 0, line, 0), (line, 0, vline, 0), (vline, 0, half, 0), (half, 0, left, 0),
        (half, 0, right, 0), (left, 0, dac, 0), (right, 0, dac, 1),
    ]  # fmt: skip
    connections = [f"connect {' '.join(map(str, line))}" for line in lines]
    return "\n".join(["#N canvas 0 0 620 420 12;", *(f"#X {item};" for item in [*boxes, *connections])]) + "\n"
