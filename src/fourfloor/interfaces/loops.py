"""The command that generates loops: generate."""

from pathlib import Path
from typing import Annotated

import typer

from fourfloor.interfaces.options import AsJson, OverwriteFiles, Tempo, WavFolder
from fourfloor.interfaces.output import fail, print_json

commands = typer.Typer()


@commands.command(
    rich_help_panel="Make loops",
    epilog=(
        "Example: fourfloor generate --bpm 126 --bars 4 --count 8 --sheet --out loops\n\n"
        "Example: fourfloor generate --model runs/mine --style 'deep house' --density 0.8 --no-kick --out loops/mine"
    ),
)
def generate(
    model: Annotated[str, typer.Option(help="A bundled model, a model folder, or a prior's run folder.")] = "warehouse",
    bpm: Tempo = 126.0,
    bars: Annotated[int, typer.Option(help="Length in bars: 1, 2, 4 or 8.")] = 4,
    count: Annotated[int, typer.Option(help="Number of loops.")] = 4,
    seed: Annotated[int, typer.Option(help="The first loop has this seed, the next one seed + 1.")] = 0,
    out: WavFolder = Path("loops"),
    style: Annotated[
        str | None, typer.Option(help="A style, or its first letters; an unknown one lists all.", show_default="any")
    ] = None,
    density: Annotated[float | None, typer.Option(help="How many notes and hits, 0-1.", show_default="any")] = None,
    brightness: Annotated[float | None, typer.Option(help="Dark to bright, 0-1.", show_default="any")] = None,
    low_end: Annotated[float | None, typer.Option(help="How much bass below 150 Hz, 0-1.", show_default="any")] = None,
    kick: Annotated[
        bool | None, typer.Option("--kick/--no-kick", help="With or without a kick.", show_default="any")
    ] = None,
    energy: Annotated[float | None, typer.Option(help="Sparse to full, 0-1.", show_default="any")] = None,
    candidates: Annotated[int, typer.Option(help="Generate this many of each loop and keep the best.")] = 1,
    decoder: Annotated[
        str | None, typer.Option(help="Another decoder trained with the same codec.", show_default=False)
    ] = None,
    redraws: Annotated[int, typer.Option(help="Redraw a loop that has a fault up to this many times.")] = 4,
    strict: Annotated[
        bool, typer.Option("--strict", help="Write no loop that still has a fault; exit 5 if there was one.")
    ] = False,
    sheet: Annotated[
        bool, typer.Option("--sheet", help="Also write a picture of all loops, spectrograms.png.")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Write WAV files without tags.")] = False,
    overwrite: OverwriteFiles = False,
    as_json: AsJson = False,
) -> None:
    """Generate loops as WAV files: 44.1 kHz, stereo, 24 bit, whole bars, with tempo and loop points in the file.

    --density, --brightness, --low-end and --energy compare with the loops the model was trained on: 0.9 asks for more
    than 90 % of them have. These options and --kick need a model that was trained with controls.

    Each line says the tempo, whether the loop closes, and how similar it is to the nearest passage of the training
    music. A loop has a fault if it copies such a passage, misses a control by more than half of its range, does not
    close, is silent or clipped, or has another tempo. generate redraws it from another seed, then keeps the best
    draw and names the faults that are left. The comment in a file's tags holds the command that makes that file again.
    """
    import fourfloor as ff
    from fourfloor.api.generate import SHEET
    from fourfloor.interfaces.show import generate_lines, generate_summary

    def show(row: ff.WrittenLoop) -> None:
        if not as_json:
            generate_lines(row, candidates, last_seed=seed + count - 1)

    controls = ff.Controls(density=density, brightness=brightness, low_end=low_end, kick=kick, energy=energy)
    made = ff.generate(
        out, model=model, decoder=decoder, bpm=bpm, bars=bars, count=count, seed=seed, style=style, controls=controls,
        candidates=candidates, redraws=redraws, strict=strict, sheet=sheet, plain=plain, overwrite=overwrite,
        on_loop=show,
    )  # fmt: skip
    if as_json:
        print_json(made.to_json())
    else:
        generate_summary(made)
        if sheet:
            print(f"{out / SHEET}: the spectrograms of all loops")
    refused = sum(row.file is None for row in made.loops)
    if refused:
        fail(f"{refused} of {count} loops still have a fault and were not written; try another --seed", 5)
