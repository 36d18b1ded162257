"""The command line: parse, call the pipeline, show. Exit 2 with one line for a user's mistake."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from fourfloor.errors import FourfloorError

# Loops are made side by side, one core each; products of small matrices only wait for each other's threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# torch takes a second to import: the stages are imported where a command needs them, so that --help is at once.

app = typer.Typer(
    name="fourfloor",
    help="New, seamless house & techno loops from your own tracks, on an ordinary machine.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
_UsageError: Any = typer.BadParameter.__base__  # typer gives it no name of its own
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output (docs/json.md).")]


def main() -> None:
    """Run the command line and turn a user's mistake into one line and exit code 2."""
    try:
        sys.exit(app(standalone_mode=False))
    except _UsageError as error:
        where = error.ctx.command_path if error.ctx else "fourfloor"
        _fail(f"{error.format_message().rstrip('.')}; see {where} --help", 2)
    except FourfloorError as error:
        _fail(error, 2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename or 'output'}: {error.strerror or error}", 2)
    except MemoryError:
        _fail("out of memory; ask for less at a time, or lower training.batch_size", 2)


def _fail(error: object, code: int) -> NoReturn:
    line = " ".join(str(error).split())
    print(f"fourfloor: {line}", file=sys.stderr)
    sys.exit(code)


def _version(asked: bool) -> None:
    if asked:
        from fourfloor import __version__

        print(f"fourfloor {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """New, seamless house & techno loops from your own tracks, on an ordinary machine."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(epilog="Example: fourfloor ingest ~/music/techno --out data/techno")
def ingest(
    sources: Annotated[list[Path], typer.Argument(help="Folders of tracks, or single files.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Where the dataset goes.", show_default=False)],
    bars: Annotated[int, typer.Option(help="Length of a loop in bars.")] = 4,
    bpm: Annotated[float | None, typer.Option(help="Trust this tempo for every file.", show_default="measured")] = None,
    sample_rate: Annotated[int, typer.Option(help="Of the stored loops, in Hz.")] = 44_100,
    channels: Annotated[int, typer.Option(help="1 or 2.")] = 2,
    style: Annotated[str, typer.Option(help="Tag of these tracks; generate --style asks for it.")] = "music",
    min_confidence: Annotated[float, typer.Option(help="Drop tracks whose tempo is less certain, 0-1.")] = 0.3,
    validation_share: Annotated[float, typer.Option(help="Share of the music that is held out, 0-0.9.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Decides which tracks validate.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes; 0 means one a core.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a dataset that is there.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail when any file is rejected.")] = False,
    as_json: AsJson = False,
) -> None:
    """Cut a folder of tracks into loops on the beat grid.

    Finds tempo and downbeat of each track, cuts whole bars, drops silence, clipping and near-duplicates, and says
    what it dropped and why. Reads WAV, FLAC, OGG, Opus, MP3 and AIFF.
    """
    from fourfloor.ingest.folder import IngestConfig
    from fourfloor.ingest.folder import ingest as run_ingest

    config = IngestConfig(
        bars=bars, bpm=bpm, sample_rate=sample_rate, channels=channels, style=style, min_confidence=min_confidence,
        validation_share=validation_share, seed=seed, jobs=jobs, overwrite=overwrite, strict=strict,
    )  # fmt: skip
    from fourfloor.interfaces.show import ingest_table, progress_bar

    with progress_bar("ingest") as bar:
        report = run_ingest(sources, out, config, lambda done, total, name: bar.update(done, total, name))
    if as_json:
        _print_json(report.to_json())
    else:
        ingest_table(report, out)


@app.command(epilog="Example: fourfloor train recipes/prior.toml --data data/techno --out runs/prior --minutes 60")
def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, as in recipes/.", show_default=False)],
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
    from fourfloor import pipeline
    from fourfloor.interfaces.show import training_bar
    from fourfloor.training.loop import DivergedError, Stopped

    request = pipeline.TrainRequest(
        recipe=recipe, data=data, run=out, minutes=minutes, steps=steps, resume=resume, parent=parent,
        decoder=decoder, overrides=override or (), device=device,
    )  # fmt: skip
    try:
        with training_bar() as bar:
            summary = pipeline.train(request, bar.update)
    except Stopped as stopped:
        _fail(f"{out}: {stopped}; go on with --resume", stopped.exit_code)
    except DivergedError as error:
        _fail(error, 4)
    if as_json:
        _print_json(summary)
    else:
        spent = f"{summary['steps']} steps in {summary['seconds'] / 60:.1f} min"
        loss, validation = ("none" if summary[key] is None else f"{summary[key]:.4f}" for key in ("loss", "validation"))
        print(f"{out}: {spent}, loss {loss}, validation {validation}")
        for note in summary["notes"]:
            print(note)


@app.command(epilog="Example: fourfloor generate --bpm 126 --bars 4 --count 8 --sheet --out loops")
def generate(
    model: Annotated[str, typer.Option(help="A model in the package, a model folder, or a prior's run.")] = "warehouse",
    bpm: Annotated[float, typer.Option(help="Tempo, 90-180.")] = 126.0,
    bars: Annotated[int, typer.Option(help="1, 2, 4 or 8.")] = 4,
    count: Annotated[int, typer.Option(help="How many loops.")] = 4,
    seed: Annotated[int, typer.Option(help="Loop i has seed + i; the same seed gives the same bytes.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the WAV files.")] = Path("loops"),
    style: Annotated[
        str | None, typer.Option(help="A style the model knows; a wrong one lists them.", show_default="any")
    ] = None,
    density: Annotated[float | None, typer.Option(help="How many onsets, 0-1.", show_default="any")] = None,
    brightness: Annotated[float | None, typer.Option(help="Spectral centroid, 0-1.", show_default="any")] = None,
    low_end: Annotated[float | None, typer.Option(help="Share of power below 150 Hz, 0-1.", show_default="any")] = None,
    kick: Annotated[
        bool | None, typer.Option("--kick/--no-kick", help="With or without a kick.", show_default="any")
    ] = None,
    energy: Annotated[float | None, typer.Option(help="How full and steady it is, 0-1.", show_default="any")] = None,
    candidates: Annotated[int, typer.Option(help="Make this many of each loop, keep the most usual.")] = 1,
    decoder: Annotated[str | None, typer.Option(help="Another decoder of the same codec.", show_default=False)] = None,
    sheet: Annotated[bool, typer.Option("--sheet", help="Draw spectrograms.png beside the loops.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write new loops: 44.1 kHz, stereo, 24-bit, exact length, seamless, tempo in the file.

    --density, --brightness, --low-end and --energy are ranks among the loops the model was trained on: 0.9 asks for
    more than nine tenths of them have. They and --kick need a model that was trained with controls.

    Prints for each loop the tempo measured back, the seam score, and the nearest training passage with its copy
    score (a copy from 0.65). A loop that is nearly a copy, or misses a control by more than half of its range, is
    drawn again, up to four times.
    """
    from fourfloor import pipeline
    from fourfloor.interfaces.show import generate_line
    from fourfloor.representations.controls import Controls

    controls = Controls(density=density, brightness=brightness, low_end=low_end, kick=kick, energy=energy)
    request = pipeline.GenerateRequest(
        model=model, decoder=decoder, out=out, bpm=bpm, bars=bars, count=count, seed=seed, style=style,
        controls=controls, candidates=candidates, sheet=sheet,
    )  # fmt: skip
    summary = pipeline.generate(request, (lambda row: None) if as_json else generate_line)
    if as_json:
        _print_json(summary)
    else:
        audio, wall = summary["audio_seconds"], summary["wall_seconds"]
        print(f"{count} loops, {audio:.1f} s of audio in {wall:.1f} s ({audio / wall:.1f}x real time)")


@app.command(epilog="Example: fourfloor evaluate loops --against data/techno --out report")
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
    as_json: AsJson = False,
) -> None:
    """Judge loops by ten numbers beside reference rows: are they music, in the style, and new?

    Exits 3 without a verdict when the reference rows do not stand where they must (docs/metrics.md).
    """
    from fourfloor import pipeline
    from fourfloor.evaluation.report import markdown
    from fourfloor.evaluation.verdict import NotAnchoredError
    from fourfloor.interfaces.show import progress_bar

    request = pipeline.EvaluateRequest(
        loops=loops,
        against=against,
        n=n,
        seed=seed,
        out=out,
        decoder=decoder,
        candidates=candidates,
        redraw=redraw,
        rows=tuple(rows),
    )
    try:
        with progress_bar("generate") as bar:
            card = pipeline.evaluate(request, bar.update)
    except NotAnchoredError as error:
        _fail(error, 3)
    print(card.to_json() if as_json else markdown(card), end="")


@app.command(epilog="Example: fourfloor compare recipes/seed/*.toml --data data/techno --minutes 10 --out comparison")
def compare(
    recipes: Annotated[list[Path], typer.Argument(help="Recipes, as in recipes/.", show_default=False)],
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
    as_json: AsJson = False,
) -> None:
    """Train recipes for the same minutes on the same dataset, judge them alike, and write one table.

    A prior that needs a decoder is trained beside the decoder.toml of its folder, and they share the minutes. Stop it
    at any moment: the same command goes on, and trains nothing that has its minutes.
    """
    from fourfloor import pipeline
    from fourfloor.evaluation.comparison import markdown
    from fourfloor.interfaces.show import progress_bar
    from fourfloor.pipeline.side_by_side import Interrupted

    request = pipeline.CompareRequest(
        recipes=recipes, data=data, out=out, runs=runs, minutes=minutes, steps=steps, n=n, seed=seed, bpm=bpm or (),
        cutoff_hz=cutoff, jobs=jobs, music=music, overrides=override or (), device=device,
    )  # fmt: skip
    try:
        with progress_bar("compare") as bar:
            comparison = pipeline.compare(request, bar.update)
    except Interrupted as stopped:
        _fail(f"{out}: {stopped}; the same command goes on", stopped.exit_code)
    print(comparison.to_json() if as_json else markdown(comparison), end="")


@app.command(epilog="Example: fourfloor models runs models")
def models(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Where runs and exported models lie.", show_default="runs")
    ] = None,
    recipes: Annotated[Path, typer.Option(help="Where recipes lie.")] = Path("recipes"),
    as_json: AsJson = False,
) -> None:
    """List the families of models with their recipes, the models in the package, and trained runs."""
    from fourfloor import pipeline
    from fourfloor.interfaces.show import models_tables

    runs = Path("runs")
    found = pipeline.list_models(folders or ([runs] if runs.is_dir() else []), recipes)
    if as_json:
        _print_json(found)
    else:
        models_tables(found)


@app.command(epilog="Example: fourfloor produce --count 500 --style techno --out data/produced")
def produce(
    out: Annotated[Path, typer.Option(help="Where the dataset goes.", show_default=False)],
    count: Annotated[int, typer.Option(help="How many loops.")] = 500,
    style: Annotated[str | None, typer.Option(help="One style; all in turn by default.", show_default=False)] = None,
    bars: Annotated[int, typer.Option(help="Length of a loop in bars.")] = 4,
    bpm: Annotated[float | None, typer.Option(help="Tempo of all loops.", show_default="the style's")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same loops.")] = 0,
    density: Annotated[
        float | None, typer.Option(help="How much is played, 0-1.", show_default="drawn for each loop")
    ] = None,
    energy: Annotated[
        float | None, typer.Option(help="How hard it is played, 0-1.", show_default="drawn for each loop")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 2,
    kit: Annotated[Path | None, typer.Option(help="Folder of your own one-shots.", show_default=False)] = None,
    wav: Annotated[bool, typer.Option("--wav", help="Write plain WAV files beside the dataset.")] = False,
    stems: Annotated[bool, typer.Option("--stems", help="Write each instrument's WAV as well.")] = False,
    midi: Annotated[bool, typer.Option("--midi", help="Write MIDI files as well.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a dataset that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write and render house & techno loops by rule: a dataset to train on without any music of your own."""
    from fourfloor.interfaces.show import progress_bar
    from fourfloor.producer import produce as run_produce

    options: dict[str, Any] = {
        "density": density, "energy": energy, "wav": wav, "stems": stems, "midi": midi, "overwrite": overwrite
    }  # fmt: skip
    with progress_bar("produce") as bar:
        made = run_produce(count, out, style, bars, seed, jobs, kit=kit, bpm=bpm, on_progress=bar.update, **options)
    if as_json:
        _print_json({"loops": len(made.loops), "dataset": str(out), "data_hash": made.data_hash})
    else:
        print(f"{out}: {len(made.loops)} loops")


@app.command(epilog="Example: fourfloor export runs/mine --out models/mine")
def export(
    prior: Annotated[Path, typer.Argument(help="The prior's run.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The model folder to write.", show_default=False)],
    decoder: Annotated[
        str | None,
        typer.Option(help="The decoder's run, or a model that has one.", show_default="the one that fits"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Join a run and the decoder it needs into a model folder that `generate --model` reads: small, no training state.

    Without --decoder it is the one that generate takes: the run beside it, or the bundled model's for a tuned one.
    """
    from fourfloor import pipeline

    size = pipeline.export(prior, decoder, out)
    if as_json:
        _print_json({"model": str(out), "bytes": size})
    else:
        print(f"{out}: {size / 1e6:.1f} MB")


def _print_json(content: dict[str, Any]) -> None:
    print(json.dumps(content, indent=2))
