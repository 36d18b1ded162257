"""The command that makes packs: pack."""

from pathlib import Path
from typing import Annotated

import typer

from fourfloor.interfaces.options import AsJson
from fourfloor.interfaces.output import amount, print_json

commands = typer.Typer()


@commands.command(
    rich_help_panel="Make loops",
    epilog=(
        "Example: fourfloor pack loops --stems --midi --out my-pack --license CC0-1.0\n\n"
        "Example: fourfloor pack mine/*.wav --bpm 124 --for sfz,dawproject --zip --out mine.zip"
    ),
)
def pack(
    loops: Annotated[
        list[Path], typer.Argument(help="Loops of whole bars: files, or folders of them.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder for the pack; with --zip, the file OUT.zip.", show_default=False)],
    formats: Annotated[
        str | None, typer.Option("--for", help="Formats to write, such as sfz,dawproject,html.", show_default="all")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the pack, part of every file name.", show_default="the folder's")
    ] = None,
    bpm: Annotated[
        float | None, typer.Option(help="Tempo of all loops in BPM.", show_default="from tags or file names")
    ] = None,
    license: Annotated[str, typer.Option(help="License to state in the pack, such as CC0.")] = "",
    stems: Annotated[bool, typer.Option("--stems", help="Separate the loops that have no stems.")] = False,
    midi: Annotated[bool, typer.Option("--midi", help="Transcribe the loops that have no MIDI file.")] = False,
    as_zip: Annotated[bool, typer.Option("--zip", help="Write one zip file instead of a folder.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing pack.")] = False,
    as_json: AsJson = False,
) -> None:
    """Turn loops into a folder that samplers, DAWs, trackers, live coders and DJ programs open.

    Beside loop.wav, pack takes the MIDI file loop.mid and the stems in the folder loop_stems. It writes WAV files
    with plain names, and the files of each format in --for. docs/packs.md lists how each program was tested.
    """
    import fourfloor as ff
    from fourfloor.interfaces.show import progress_bar
    from fourfloor.packs import FORMATS

    chosen = FORMATS if formats is None else [word.strip() for word in formats.split(",")]
    with progress_bar("pack") as bar:
        report = ff.pack(
            loops, out, formats=chosen, name=name, bpm=bpm, license=license, stems=stems, midi=midi, as_zip=as_zip,
            overwrite=overwrite, on_progress=bar.update,
        )  # fmt: skip
    if as_json:
        print_json(report.to_json())
        return
    for note in report.notes:
        print(note)
    print(f"{report.out}: {amount(len(report.loops), 'loop')}, {amount(len(report.files), 'file')}")
    if "index.html" in report.files and not as_zip:
        print(f"Next: open {out / 'index.html'} in a browser, to hear the loops")
