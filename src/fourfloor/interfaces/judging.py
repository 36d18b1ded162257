"""Commands that judge: evaluate, compare."""

from pathlib import Path
from typing import Annotated

import typer

from fourfloor.interfaces.output import AsJson, fail

commands = typer.Typer()


@commands.command(epilog="Example: fourfloor evaluate loops --against data/techno --out report")
def evaluate(
    loops: Annotated[str, typer.Argument(help="A folder of loops, or a model to make them with.", show_default=False)],
    against: Annotated[Path, typer.Option(help="The dataset to judge by; its validation tracks are held out.")],
    n: Annotated[
        int, typer.Option("--n", help="How many loops; a model makes them in tempo and style of held-out ones.")
    ] = 256,
    seed: Annotated[int, typer.Option(help="Draws loops and reference rows.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for scorecard.json, .md and .html.", show_default=False)
    ] = None,
    decoder: Annotated[
        str | None, typer.Option(help="Decoder of a prior's run, and of row I.", show_default=False)
    ] = None,
    candidates: Annotated[int, typer.Option(help="With a model: make this many of each loop, keep the best.")] = 1,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="With a model: draw copies of training passages again, as generate does.")
    ] = False,
    rows: Annotated[str, typer.Option(help="Reference rows to make, such as ACDEJ; all by default.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a report that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Judge loops by ten numbers beside reference rows: are they music, in the style, and new?

    Exits 3 with numbers and a report, but no verdict, when the dataset holds out too few tracks or its reference rows
    do not stand where they must (docs/metrics.md).
    """
    from fourfloor import api
    from fourfloor.evaluation.report import markdown
    from fourfloor.evaluation.verdict import NotAnchoredError
    from fourfloor.interfaces.show import progress_bar

    request = api.EvaluateRequest(
        loops=loops,
        against=against,
        n=n,
        seed=seed,
        out=out,
        decoder=decoder,
        candidates=candidates,
        redraw=redraw,
        rows=tuple(rows),
        overwrite=overwrite,
    )
    with progress_bar("evaluate") as bar:
        card = api.evaluate(request, bar.update, bar.note)
    print(card.to_json() if as_json else markdown(card), end="")
    if card.broken:
        raise NotAnchoredError(f"{against}: no verdict: {'; '.join(card.broken)}")


@commands.command(
    epilog="Example: fourfloor compare seed/helicopter wavegan prior --data data/techno --minutes 10 --out comparison"
)
def compare(
    recipes: Annotated[
        list[Path], typer.Argument(help="Recipes: names (`fourfloor models`) or files.", show_default=False)
    ],
    data: Annotated[Path, typer.Option(help="The dataset to train on and to judge by.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for comparison.json, .md and .html.", show_default=False)],
    minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="Train each system this long in all; give this or --steps.", show_default=False),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Instead of minutes.", show_default=False)] = None,
    runs: Annotated[Path | None, typer.Option(help="Where the run folders lie.", show_default="OUT/runs")] = None,
    n: Annotated[int, typer.Option("--n", help="How many loops of each are judged.")] = 32,
    seed: Annotated[int, typer.Option(help="Loop i of every model has seed + i; draws the reference rows.")] = 0,
    bpm: Annotated[
        list[float] | None, typer.Option(help="Ask for this tempo; repeat for more.", show_default="as held-out loops")
    ] = None,
    cutoff: Annotated[
        float | None, typer.Option(help="Hear all below this, in Hz.", show_default="what all can sound up to")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Trainings at a time; they share the cores.")] = 1,
    music: Annotated[
        bool, typer.Option("--music/--no-music", help="Let the page play loops of the dataset, too.")
    ] = True,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Override a value of every recipe.", show_default=False)
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the report of another comparison.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train recipes for the same minutes on the same dataset, judge them alike, and write one table.

    A prior that needs a decoder is trained beside the decoder.toml of its folder, and they share the minutes. Stop it
    at any moment: the same command goes on, and trains nothing that has its minutes.
    """
    from fourfloor import api
    from fourfloor.api.side_by_side import Interrupted
    from fourfloor.evaluation.comparison import markdown
    from fourfloor.interfaces.show import progress_bar

    request = api.CompareRequest(
        recipes=recipes, data=data, out=out, runs=runs, minutes=minutes, steps=steps, n=n, seed=seed, bpm=bpm or (),
        cutoff_hz=cutoff, jobs=jobs, music=music, overrides=override or (), device=device,
        overwrite=overwrite,
    )  # fmt: skip
    try:
        with progress_bar("compare") as bar:
            comparison = api.compare(request, bar.update, bar.note)
    except Interrupted as stopped:
        fail(f"{out}: {stopped}; the same command goes on", stopped.exit_code)
    print(comparison.to_json() if as_json else markdown(comparison), end="")
