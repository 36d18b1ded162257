"""Commands that make datasets: ingest, produce."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fourfloor.interfaces.output import AsJson, leave, print_json
from fourfloor.stopping import StopSignal

commands = typer.Typer()


@commands.command(epilog="Example: fourfloor ingest ~/music/techno --out data/techno")
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
    from fourfloor.ingestion.folder import IngestConfig
    from fourfloor.ingestion.folder import ingest as run_ingest

    config = IngestConfig(
        bars=bars, bpm=bpm, sample_rate=sample_rate, channels=channels, style=style, min_confidence=min_confidence,
        validation_share=validation_share, seed=seed, jobs=jobs, overwrite=overwrite, strict=strict,
    )  # fmt: skip
    from fourfloor.interfaces.show import ingest_table, progress_bar

    with progress_bar("ingest") as bar:
        report = run_ingest(sources, out, config, lambda done, total, name: bar.update(done, total, name))
    if as_json:
        print_json(report.to_json())
    else:
        ingest_table(report, out)


@commands.command(epilog="Example: fourfloor produce --count 500 --style techno --out data/produced")
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
    try:
        with progress_bar("produce") as bar:
            made = run_produce(count, out, style, bars, seed, jobs, kit=kit, bpm=bpm, on_progress=bar.update, **options)
    except StopSignal as stop:
        leave(f"{out}: {stop}; what is rendered is kept, the same command goes on", stop.exit_code)
    if as_json:
        print_json({"loops": len(made.loops), "dataset": str(out), "data_hash": made.data_hash})
    else:
        print(f"{out}: {len(made.loops)} loops")
