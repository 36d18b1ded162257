"""Commands that make datasets: ingest, produce."""

from pathlib import Path
from typing import Annotated

import typer

from fourfloor.errors import FourfloorError
from fourfloor.interfaces.options import Address, AsJson, DatasetOut, EngineName, LoopBars, OverwriteDataset
from fourfloor.interfaces.output import amount, leave, print_json, say_next
from fourfloor.stopping import StopSignal

commands = typer.Typer()


@commands.command(
    rich_help_panel="Train on your own music",
    epilog=(
        "Example: fourfloor ingest ~/music/techno --out data/techno\n\n"
        "Example: fourfloor ingest track.flac --bars 2 --bpm 126 --out data/one"
    ),
)
def ingest(
    sources: Annotated[
        list[Path], typer.Argument(help="Folders of tracks, or single audio files.", show_default=False)
    ],
    out: DatasetOut,
    bars: LoopBars = 4,
    bpm: Annotated[
        float | None, typer.Option(help="Tempo of every file, if you know it.", show_default="measured")
    ] = None,
    sample_rate: Annotated[int, typer.Option(help="Sample rate of the stored loops, in Hz.")] = 44_100,
    channels: Annotated[int, typer.Option(help="Channels of the stored loops, 1 or 2.")] = 2,
    style: Annotated[str, typer.Option(help="Style name for these tracks; generate --style uses it.")] = "music",
    min_confidence: Annotated[
        float, typer.Option(help="Drop tracks whose tempo is less certain than this, 0-1.")
    ] = 0.3,
    validation_share: Annotated[float, typer.Option(help="Share of the music to hold out for testing, 0-0.9.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Selects which tracks are held out.")] = 0,
    jobs: Annotated[int, typer.Option(help="Number of processes; 0 means one per core.")] = 0,
    engine: EngineName = "local",
    address: Address = None,
    overwrite: OverwriteDataset = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail if any file is rejected.")] = False,
    as_json: AsJson = False,
) -> None:
    """Cut a folder of tracks into loops on the beat grid.

    ingest finds the tempo and the first downbeat of each track and cuts the track into whole bars. It drops silence,
    clipping and near-duplicates, and prints what it dropped and why. It reads WAV, FLAC, OGG, Opus, MP3 and AIFF.

    Stop it at any moment: the same command continues where it stopped.

    The dataset holds the loops and which tracks are held out. Train on it with: fourfloor train RECIPE --data OUT
    """
    import fourfloor as ff
    from fourfloor.interfaces.show import ingest_table, progress_bar

    try:
        with progress_bar("ingest") as bar:
            report = ff.ingest(
                sources, out, bars=bars, bpm=bpm, sample_rate=sample_rate, channels=channels, style=style,
                min_confidence=min_confidence, validation_share=validation_share, seed=seed, jobs=jobs,
                engine=engine, address=address, overwrite=overwrite, strict=strict, on_progress=bar.update,
            )  # fmt: skip
    except StopSignal as stop:
        leave(f"{out}: {stop}. The analyzed tracks are kept; run the same command to continue", stop.exit_code)
    if as_json:
        print_json(report.to_json())
    else:
        ingest_table(report, out)
        if (sample_rate, channels) == (44_100, 2):  # those of the bundled model
            recipe = "adapt" if len(report.tracks) > 1 else "one-track"
            say_next("train", recipe, "--from", "warehouse", "--data", out, "--out", Path("runs", out.name))


@commands.command(
    rich_help_panel="Train on your own music",
    epilog="Example: fourfloor push data/techno s3://bucket/techno",
)
def push(
    dataset: Annotated[Path, typer.Argument(help="Dataset to send.", show_default=False)],
    url: Annotated[
        str, typer.Argument(help="Where to: s3://BUCKET/NAME, or a folder, such as a shared disk.", show_default=False)
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another dataset there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a dataset to an object store or a shared folder, in shards named by their content.

    Stop it at any moment: the same command sends what is missing. Fetch the dataset with: fourfloor pull URL --out DATA
    """
    from fourfloor import buckets
    from fourfloor.interfaces.show import progress_bar

    if url.startswith("memory:"):
        raise FourfloorError(f"{url}: memory ends with this command; write s3://BUCKET/NAME, or a folder")
    with progress_bar("push") as bar:
        data_hash = buckets.push(dataset, url, overwrite, bar.update)
    if as_json:
        print_json({"dataset": url, "data_hash": data_hash})
    else:
        print(f"{url}: dataset {data_hash[:16]}")


@commands.command(
    rich_help_panel="Train on your own music",
    epilog="Example: fourfloor pull s3://bucket/techno --out data/techno",
)
def pull(
    url: Annotated[
        str, typer.Argument(help="A dataset that push sent: s3://BUCKET/NAME, or a folder.", show_default=False)
    ],
    out: DatasetOut,
    overwrite: OverwriteDataset = False,
    as_json: AsJson = False,
) -> None:
    """Fetch a dataset that push sent, checked by its hashes, whole or not at all.

    Stop it at any moment: the same command continues where it stopped.
    """
    from fourfloor import buckets
    from fourfloor.interfaces.show import progress_bar

    with progress_bar("pull") as bar:
        made = buckets.pull(url, out, overwrite, bar.update)
    if as_json:
        print_json({"loops": len(made.loops), "dataset": str(out), "data_hash": made.data_hash})
    else:
        print(f"{out}: {amount(len(made.loops), 'loop')}")


@commands.command(
    rich_help_panel="Train on your own music",
    epilog=(
        "Example: fourfloor produce --count 500 --style techno --out data/produced\n\n"
        "Example: fourfloor produce --count 8 --wav --stems --midi --out data/eight"
    ),
)
def produce(
    out: DatasetOut,
    count: Annotated[int, typer.Option(help="Number of loops.")] = 500,
    style: Annotated[
        str | None, typer.Option(help="Style of all loops, or `house` or `techno`.", show_default="all in turn")
    ] = None,
    bars: LoopBars = 4,
    bpm: Annotated[
        float | None, typer.Option(help="Tempo of all loops in BPM.", show_default="typical of the style")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same loops.")] = 0,
    density: Annotated[
        float | None, typer.Option(help="How many notes and hits, 0-1.", show_default="random for each loop")
    ] = None,
    energy: Annotated[
        float | None, typer.Option(help="Soft to hard, 0-1.", show_default="random for each loop")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Number of processes.")] = 2,
    engine: EngineName = "local",
    address: Address = None,
    kit: Annotated[
        Path | None, typer.Option(help="Folder of your own drum samples (one-shots).", show_default=False)
    ] = None,
    wav: Annotated[bool, typer.Option("--wav", help="Also write each loop as a WAV file, in OUT-files.")] = False,
    stems: Annotated[bool, typer.Option("--stems", help="Also write each instrument of a loop as a WAV file.")] = False,
    midi: Annotated[bool, typer.Option("--midi", help="Also write each loop as a MIDI file.")] = False,
    truth: Annotated[
        bool, typer.Option("--truth", help="Keep stems and notes in the dataset, to train separator and transcriber.")
    ] = False,
    overwrite: OverwriteDataset = False,
    as_json: AsJson = False,
) -> None:
    """Compose and synthesize house & techno loops by rule: a dataset to train on without music of your own.

    Stop it at any moment: the same command continues where it stopped.
    """
    import fourfloor as ff
    from fourfloor.interfaces.show import progress_bar

    try:
        with progress_bar("produce") as bar:
            made = ff.produce(
                out, count=count, style=style, bars=bars, bpm=bpm, seed=seed, density=density, energy=energy, kit=kit,
                wav=wav, stems=stems, midi=midi, truth=truth, jobs=jobs, engine=engine, address=address,
                overwrite=overwrite, on_progress=bar.update,
            )  # fmt: skip
    except StopSignal as stop:
        leave(f"{out}: {stop}. The rendered loops are kept; run the same command to continue", stop.exit_code)
    if as_json:
        print_json({"loops": len(made.loops), "dataset": str(out), "data_hash": made.data_hash})
    else:
        print(f"{out}: {amount(len(made.loops), 'loop')}")
        also = [name for name, wanted in (("WAV", wav), ("stems", stems), ("MIDI", midi)) if wanted]
        print(f"{out}-files: {', '.join(['tempo, key and notes of each loop', *also])}")
