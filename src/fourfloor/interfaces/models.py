"""Commands about models: train, models, export."""

from pathlib import Path
from typing import Annotated

import typer

from fourfloor.interfaces.output import AsJson, fail, print_json

commands = typer.Typer()


@commands.command(epilog="Example: fourfloor train prior --data data/techno --out runs/prior --minutes 60")
def train(
    recipe: Annotated[
        Path, typer.Argument(help="A recipe: its name (`fourfloor models`) or file.", show_default=False)
    ],
    data: Annotated[list[Path], typer.Option(help="A dataset; repeat it to train on several.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The run's folder.", show_default=False)],
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Stop after this long.", show_default="the recipe's")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Stop after this many steps.", show_default=False)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run's last checkpoint ends.")] = False,
    parent: Annotated[
        str | None, typer.Option("--from", help="Tune this model: a name or a run.", show_default=False)
    ] = None,
    decoder: Annotated[
        str | None, typer.Option(help="Listen through this decoder and use its codec.", show_default=False)
    ] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Override a value: training.batch_size=8.", show_default=False)
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a model, or tune one with --from; Ctrl-C saves, --resume goes on.

    The run's folder holds the resolved recipe, log.jsonl, checkpoints, and every few minutes a few loops to
    listen to with their spectrograms.
    """
    from fourfloor import api
    from fourfloor.interfaces.show import training_bar
    from fourfloor.training.interruption import Stopped

    request = api.TrainRequest(
        recipe=recipe, data=data, run=out, minutes=minutes, steps=steps, resume=resume, parent=parent,
        decoder=decoder, overrides=override or (), device=device,
    )  # fmt: skip
    try:
        with training_bar() as bar:
            summary = api.train(request, bar.update)
    except Stopped as stopped:
        fail(f"{out}: {stopped}", stopped.exit_code)
    if as_json:
        print_json(summary)
    else:
        spent = f"{summary['steps']} steps in {summary['seconds'] / 60:.1f} min"
        loss, validation = ("none" if summary[key] is None else f"{summary[key]:.4f}" for key in ("loss", "validation"))
        print(f"{out}: {spent}, loss {loss}, validation {validation}")
        for note in [*summary["warnings"], *summary["notes"]]:
            print(note)


@commands.command(epilog="Example: fourfloor models runs models")
def models(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Where runs and exported models lie.", show_default="runs")
    ] = None,
    recipes: Annotated[
        Path | None, typer.Option(help="A folder of your own recipes, to list them, too.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the families of models with their recipes, the models in the package, and trained runs."""
    from fourfloor import api
    from fourfloor.interfaces.show import models_tables

    runs = Path("runs")
    found = api.list_models(folders or ([runs] if runs.is_dir() else []), recipes)
    if as_json:
        print_json(found)
    else:
        models_tables(found)


@commands.command(epilog="Example: fourfloor export runs/mine --out models/mine")
def export(
    prior: Annotated[Path, typer.Argument(help="The prior's run.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The model folder to write.", show_default=False)],
    decoder: Annotated[
        str | None,
        typer.Option(help="The decoder's run, or a model that has one.", show_default="the one that fits"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Join a run and the decoder it needs into a model folder that `generate --model` reads: small, no training state.

    Without --decoder it is the one that generate takes: the run beside it, or the bundled model's for a tuned one.
    """
    from fourfloor import api

    size = api.export(prior, decoder, out, overwrite)
    if as_json:
        print_json({"model": str(out), "bytes": size})
    else:
        print(f"{out}: {size / 1e6:.1f} MB")
