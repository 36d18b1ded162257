"""The commands that change a loop: vary, fill, continue, morph."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fourfloor.errors import FourfloorError
from fourfloor.interfaces.options import AsJson, OverwriteFiles, Tempo, WavFolder
from fourfloor.interfaces.output import amount, print_json

if TYPE_CHECKING:
    import fourfloor as ff

commands = typer.Typer()
LoopFile = Annotated[Path, typer.Argument(help="A loop of 1, 2, 4 or 8 bars: stereo, 44.1 kHz.", show_default=False)]
ModelName = Annotated[str, typer.Option("--model", help="A bundled model, or a model folder.")]
Seed = Annotated[int, typer.Option(help="Another seed gives another result.")]
Style = Annotated[str | None, typer.Option(help="Style to move it toward.", show_default="any")]
Bpm = Annotated[float | None, typer.Option(help="Tempo of the file in BPM.", show_default="from its tags or name")]


@commands.command(
    rich_help_panel="Change loops", epilog="Example: fourfloor vary loops/loop.wav --amount 0.3 --count 4"
)
def vary(
    loop: LoopFile,
    amount: Annotated[float, typer.Option(help="How different, 0-1: at 0.3 the groove stays.")] = 0.3,
    count: Annotated[int, typer.Option(help="Number of variations.")] = 4,
    seed: Seed = 0,
    style: Style = None,
    bpm: Bpm = None,
    model: ModelName = "warehouse",
    out: WavFolder = Path("loops"),
    overwrite: OverwriteFiles = False,
    as_json: AsJson = False,
) -> None:
    """Make variations of a loop, yours or a generated one.

    At --amount 0 the result is the loop, encoded and decoded; at 1 only its tempo and length are left.
    """
    import fourfloor as ff
    from fourfloor.api.edits import MOST_STEPS
    from fourfloor.api.outputs import vary_title

    names = [vary_title(loop.stem, amount, seed + number) for number in range(min(count, MOST_STEPS))]
    with _folder(out, names, overwrite):
        made = ff.load(model).vary(loop, amount=amount, count=count, seed=seed, style=style, bpm=bpm)
        _write(made, out, as_json)


@commands.command(
    rich_help_panel="Change loops", epilog="Example: fourfloor fill loops/loop.wav --bars 3-4 --band high"
)
def fill(
    loop: LoopFile,
    bars: Annotated[str | None, typer.Option(help="Bars to regenerate, such as 3-4 or 2.", show_default=False)] = None,
    beats: Annotated[str | None, typer.Option(help="Or beats, such as 13-16.", show_default=False)] = None,
    band: Annotated[str, typer.Option(help="all, low (below 150 Hz), mid, or high (above 2.5 kHz).")] = "all",
    seed: Seed = 0,
    style: Style = None,
    bpm: Bpm = None,
    model: ModelName = "warehouse",
    out: WavFolder = Path("loops"),
    overwrite: OverwriteFiles = False,
    as_json: AsJson = False,
) -> None:
    """Regenerate some bars or beats of a loop; every other sample stays the same."""
    import fourfloor as ff
    from fourfloor.api.outputs import fill_title

    region = region_of(bars, beats)
    with _folder(out, [fill_title(loop.stem, region, band, seed)], overwrite):
        made = ff.load(model).fill(loop, beats=region, band=band, seed=seed, style=style, bpm=bpm)
        _write([made], out, as_json)


@commands.command(
    name="continue", rich_help_panel="Change loops", epilog="Example: fourfloor continue loops/loop.wav --whole"
)
def continue_(
    loop: LoopFile,
    whole: Annotated[
        bool, typer.Option("--whole", help="Write the loop and its next bars as one closed loop.")
    ] = False,
    seed: Seed = 0,
    style: Style = None,
    bpm: Bpm = None,
    model: ModelName = "warehouse",
    out: WavFolder = Path("loops"),
    overwrite: OverwriteFiles = False,
    as_json: AsJson = False,
) -> None:
    """Continue a loop with as many new bars as it has; they lead back to its start."""
    import fourfloor as ff
    from fourfloor.api.outputs import extend_title

    with _folder(out, [extend_title(loop.stem, whole, seed)], overwrite):
        made = ff.load(model).extend(loop, whole=whole, seed=seed, style=style, bpm=bpm)
        _write([made], out, as_json)


@commands.command(rich_help_panel="Change loops", epilog="Example: fourfloor morph loops/a.wav loops/b.wav --steps 6")
def morph(
    loop: LoopFile,
    other: Annotated[Path, typer.Argument(help="A second loop with as many bars.", show_default=False)],
    steps: Annotated[int, typer.Option(help="Number of loops, including both ends.")] = 6,
    seed: Seed = 0,
    bpm: Bpm = None,
    model: ModelName = "warehouse",
    out: WavFolder = Path("loops"),
    overwrite: OverwriteFiles = False,
    as_json: AsJson = False,
) -> None:
    """Make loops that lead step by step from one loop to another, at the tempo of the first."""
    import fourfloor as ff
    from fourfloor.api.edits import MOST_STEPS
    from fourfloor.api.outputs import morph_title

    names = [morph_title(loop.stem, other.stem, number) for number in range(1, min(steps, MOST_STEPS) + 1)]
    with _folder(out, names, overwrite):
        made = ff.load(model).morph(loop, other, steps=steps, seed=seed, bpm=bpm)
        _write(made, out, as_json)


@commands.command(rich_help_panel="Change loops", epilog="Example: fourfloor stream --bpm 126 | aplay")
def stream(
    bpm: Tempo = 126.0,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after this many minutes.", show_default="goes on until it is stopped")
    ] = None,
    style: Annotated[str | None, typer.Option(help="A style, or its first letters.", show_default="any")] = None,
    seed: Seed = 0,
    model: ModelName = "warehouse",
    out: Annotated[str, typer.Option(help="A file; - for standard output.")] = "-",
    form: Annotated[str, typer.Option("--format", help="wav, or raw: 16 bit, stereo, 44.1 kHz.")] = "wav",
    overwrite: OverwriteFiles = False,
) -> None:
    """Play endlessly: every four bars, a small step toward another loop, always on the beat.

    Stop with Ctrl-C: a file holds all that was written, and is a valid WAV.
    """
    import fourfloor as ff
    from fourfloor.interfaces.streaming import write_stream

    write_stream(ff.load(model).stream(bpm=bpm, seed=seed, style=style), out, form, minutes, overwrite)


def region_of(bars: str | None, beats: str | None) -> tuple[float, float]:
    """Return the first and last beat that --bars or --beats mean, counted from 1."""
    if (bars is None) == (beats is None):
        raise FourfloorError("say which part to regenerate: --bars 3-4 or --beats 13-16")
    text = bars if beats is None else beats
    found = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", (text or "").strip())
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last:
        name = "--bars" if beats is None else "--beats"
        raise FourfloorError(f"{name} {text}: give a number or a range such as 3-4, counted from 1")
    return (first, last) if bars is None else (4 * first - 3, 4 * last)


@contextmanager
def _folder(out: Path, titles: Sequence[str], overwrite: bool) -> Iterator[None]:
    """Hold a folder to write loops of these titles into; FourfloorError before any work where that cannot be."""
    from fourfloor.api.outputs import refuse_existing
    from fourfloor.saving import output_folder

    if not overwrite:
        refuse_existing(out, [f"{title}.wav" for title in titles])
    with output_folder(out):
        yield


def _write(loops: "Sequence[ff.Loop]", out: Path, as_json: bool) -> None:
    """Write loops into a folder, and say what was written."""
    from fourfloor.audio import display_name

    rows: list[dict[str, Any]] = []
    for loop in loops:
        path = loop.save(out / f"{loop.title}.wav", overwrite=True)  # what was there was refused before
        rows.append({"file": str(path), "bpm": loop.bpm, "bars": loop.bars, "frames": loop.waveform.shape[1],
                     "seed": loop.seed, "seam": round(loop.seam, 4), "copy_score": loop.copy.score,
                     "faults": list(loop.faults)})  # fmt: skip
        if not as_json:
            print("; ".join([f"{display_name(path)}: {loop.bpm:g} BPM, {amount(loop.bars, 'bar')}", *loop.faults]))
    if as_json:
        print_json({"loops": rows})
