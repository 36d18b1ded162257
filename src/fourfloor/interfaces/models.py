"""Commands about models: train, models, export."""

from pathlib import Path
from typing import Annotated

import typer

from fourfloor.interfaces.options import AsJson, Device
from fourfloor.interfaces.output import fail, print_json, quiet_unless_leading, say_next

commands = typer.Typer()


@commands.command(
    rich_help_panel="Train on your own music",
    epilog=(
        "Example: fourfloor train adapt --from warehouse --data data/mine --out runs/mine\n\n"
        "Example: fourfloor train prior --data data/techno --out runs/prior --minutes 60"
    ),
)
def train(
    recipe: Annotated[
        Path, typer.Argument(help="A recipe: its name (`fourfloor models`) or file.", show_default=False)
    ],
    data: Annotated[
        list[str],
        typer.Option(
            help="Dataset to train on: a folder or s3://BUCKET/NAME; repeat it for several. Twice counts twice.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for the run: checkpoints, log and sample loops.", show_default=False)
    ],
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Training time in minutes.", show_default="from the recipe")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Stop after this many steps.", show_default=False)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint of the run.")] = False,
    parent: Annotated[
        str | None,
        typer.Option(
            "--from", help="Fine-tune this model: a bundled model's name, a model folder or a run.", show_default=False
        ),
    ] = None,
    decoder: Annotated[str | None, typer.Option(help="Use this decoder, and its codec.", show_default=False)] = None,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a value of the recipe: training.batch_size=8.", show_default=False),
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a model, or fine-tune one with --from.

    torchrun shares the work among processes and machines (docs/scale.md):
    torchrun --nproc-per-node 2 -m fourfloor train ...

    Ctrl-C saves a checkpoint and stops; --resume continues. The run folder holds the complete recipe, the log
    (log.jsonl) and the checkpoints. Every few minutes, train adds a few loops to listen to and their spectrograms.
    """
    import fourfloor as ff
    from fourfloor.interfaces.show import training_bar, training_line
    from fourfloor.training.interruption import Stopped

    try:
        with quiet_unless_leading():
            with training_bar() as bar:
                run = ff.train(
                    recipe, data=data, out=out, minutes=minutes, steps=steps, resume=resume, base=parent,
                    decoder=decoder, overrides=override or (), device=device, stop_on_signals=True,
                    on_progress=bar.update, on_note=bar.note,
                )  # fmt: skip
            if as_json:
                print_json(run.to_json())
            else:
                print("\n".join([training_line(run), *run.warnings, *run.notes]))
                if parent and not run.unchanged_from:
                    say_next("generate", "--model", out, "--out", Path("loops", out.name))
    except Stopped as stopped:
        fail(f"{out}: {stopped}", stopped.exit_code)


@commands.command(
    rich_help_panel="Train on your own music",
    epilog=("Example: fourfloor models\n\nExample: fourfloor models runs models --recipes my-recipes"),
)
def models(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Folders to search for runs and exported models.", show_default="runs")
    ] = None,
    recipes: Annotated[
        Path | None, typer.Option(help="Folder of your own recipes, to list them too.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the model families with their recipes, the bundled models, and your runs and exported models."""
    import fourfloor as ff
    from fourfloor.interfaces.show import models_tables

    runs = Path("runs")
    found = ff.list_models(folders or ([runs] if runs.is_dir() else []), recipes=recipes)
    if as_json:
        print_json(found.to_json())
    else:
        models_tables(found)


@commands.command(
    rich_help_panel="Train on your own music",
    epilog=("Example: fourfloor export runs/mine --out models/mine --license CC-BY-4.0"),
)
def export(
    prior: Annotated[Path, typer.Argument(help="Run folder of the trained or fine-tuned prior.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Model folder to write.", show_default=False)],
    decoder: Annotated[
        str | None,
        typer.Option(
            help="Run folder of a decoder, or a model that contains one.", show_default="the one that generate uses"
        ),
    ] = None,
    license_text: Annotated[
        str | None,
        typer.Option("--license", help="License for CARD.md, as the music's rights allow.", show_default="not stated"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing model.")] = False,
    as_json: AsJson = False,
) -> None:
    """Export a run as a small model folder to keep or share: the prior and its decoder, without the training state.

    `generate --model` reads that folder. Without --decoder, export takes the decoder that generate uses: the run
    beside the prior, or the bundled model's decoder after fine-tuning.
    """
    import fourfloor as ff
    from fourfloor.interfaces.show import progress_bar

    with progress_bar("export") as bar:
        made = ff.export(
            prior, out, decoder=decoder, license=license_text, overwrite=overwrite, on_progress=bar.update
        )  # fmt: skip
    if as_json:
        print_json(made.to_json())
    else:
        print(f"{out}: {made.bytes / 1e6:.1f} MB")
        say_next("generate", "--model", out, "--out", Path("loops", out.name))
