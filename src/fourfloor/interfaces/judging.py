"""Commands that score loops and models: evaluate, compare."""

from pathlib import Path
from typing import Annotated

import typer

from fourfloor.interfaces.options import Address, AsJson, Device, EngineName
from fourfloor.interfaces.output import fail, say_page

commands = typer.Typer()
FormerCount = Annotated[int | None, typer.Option("--n", hidden=True)]  # the name before --count


@commands.command(
    rich_help_panel="Score and compare",
    epilog=(
        "Example: fourfloor evaluate loops --against data/techno --out report\n\n"
        "Example: fourfloor evaluate runs/mine --against data/techno --count 64 --redraw"
    ),
)
def evaluate(
    loops: Annotated[
        str, typer.Argument(help="A folder of loops, or a model that generates them.", show_default=False)
    ],
    against: Annotated[
        str,
        typer.Option(
            help="Dataset to compare with: a folder or s3://BUCKET/NAME. Its held-out tracks set the standard."
        ),
    ],
    count: Annotated[
        int,
        typer.Option(help="Number of loops. A model generates them at the tempi and in the styles of held-out loops."),
    ] = 256,
    seed: Annotated[int, typer.Option(help="Seed of the loops and the reference rows.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report: scorecard.json, .md and .html.", show_default=False)
    ] = None,
    decoder: Annotated[
        str | None, typer.Option(help="Decoder for a prior's run folder, and for reference row I.", show_default=False)
    ] = None,
    candidates: Annotated[
        int, typer.Option(help="With a model: generate this many of each loop and keep the best.")
    ] = 1,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="With a model: redraw loops that have a fault, as generate does.")
    ] = False,
    rows: Annotated[
        str, typer.Option(help="Letters of the reference rows to compute, such as ACDEJ.", show_default="all")
    ] = "",
    engine: EngineName = "local",
    address: Address = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing report.")] = False,
    as_json: AsJson = False,
    n: FormerCount = None,
) -> None:
    """Score loops with ten numbers: are they music, in the style, and new?

    evaluate compares the loops with the held-out tracks of a dataset, and with reference rows: real music, noise,
    shuffled loops, copies and more. docs/metrics.md explains each number.

    Exit code 3 means numbers and a report, but no verdict: too few tracks are held out, or a reference row lies
    outside its expected range.
    """
    import fourfloor as ff
    from fourfloor.evaluation.report import markdown
    from fourfloor.evaluation.verdict import NotAnchoredError
    from fourfloor.interfaces.show import progress_bar

    with progress_bar("evaluate") as bar:
        card = ff.evaluate(
            loops, against=against, n=count if n is None else n, seed=seed, out=out, decoder=decoder,
            candidates=candidates, redraw=redraw,
            rows=tuple(rows), engine=engine, address=address, overwrite=overwrite, on_progress=bar.update,
            on_note=bar.note,
        )  # fmt: skip
    print(card.to_json() if as_json else markdown(card), end="")
    if out and not as_json:
        say_page(out / "scorecard.html")
    if card.broken:
        raise NotAnchoredError(f"{against}: no verdict: {'; '.join(card.broken)}")


@commands.command(
    rich_help_panel="Score and compare",
    epilog=("Example: fourfloor compare wavegan prior --data data/techno --minutes 10 --out comparison"),
)
def compare(
    recipes: Annotated[
        list[Path], typer.Argument(help="Recipes: names (`fourfloor models`) or files.", show_default=False)
    ],
    data: Annotated[
        str,
        typer.Option(help="Dataset to train on and compare with: a folder or s3://BUCKET/NAME.", show_default=False),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for the report: comparison.json, .md and .html.", show_default=False)
    ],
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.01, help="Training time of each system in minutes. Give this or --steps.", show_default=False
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps of each model.", show_default=False)] = None,
    runs: Annotated[Path | None, typer.Option(help="Folder for the training runs.", show_default="OUT/runs")] = None,
    count: Annotated[int, typer.Option(help="Number of loops to score for each system.")] = 32,
    seed: Annotated[int, typer.Option(help="Loop i of every system has seed + i.")] = 0,
    bpm: Annotated[
        list[float] | None,
        typer.Option(help="Tempo to generate; repeat it for several.", show_default="as in held-out loops"),
    ] = None,
    cutoff: Annotated[
        float | None,
        typer.Option(help="Compare only frequencies below this, in Hz.", show_default="what every system can produce"),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Trainings to run in parallel; they share the cores.")] = 1,
    music: Annotated[
        bool, typer.Option("--music/--no-music", help="Include players for loops of the dataset in the page.")
    ] = True,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a value of every recipe: training.batch_size=8.", show_default=False),
    ] = None,
    device: Device = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the report of another comparison.")] = False,
    as_json: AsJson = False,
    n: FormerCount = None,
) -> None:
    """Train several recipes for equal time on one dataset, score their loops, and write one table.

    A prior that needs a decoder trains together with the decoder.toml beside it; the two share the minutes. Stop it at
    any moment: the same command continues and repeats no finished training.
    """
    import fourfloor as ff
    from fourfloor.comparing.report import markdown
    from fourfloor.comparing.side_by_side import Interrupted
    from fourfloor.interfaces.show import progress_bar

    try:
        with progress_bar("compare") as bar:
            comparison = ff.compare(
                recipes, data=data, out=out, runs=runs, minutes=minutes, steps=steps, n=count if n is None else n,
                seed=seed, bpm=bpm or (), cutoff_hz=cutoff, jobs=jobs, music=music,
                overrides=override or (), device=device,
                overwrite=overwrite, stop_on_signals=True, on_progress=bar.update, on_note=bar.note,
            )  # fmt: skip
    except Interrupted as stopped:
        fail(f"{out}: {stopped}. Run the same command to continue", stopped.exit_code)
    print(comparison.to_json() if as_json else markdown(comparison), end="")
    if not as_json:
        say_page(out / "comparison.html")
