"""Commands on a loop that is there: stems, midi, rekit."""

from pathlib import Path
from typing import Annotated

import typer

from fourfloor.interfaces.output import AsJson, print_json

commands = typer.Typer()
Loops = Annotated[list[Path], typer.Argument(help="Loops: stereo files of whole bars at 44.1 kHz.", show_default=False)]
Out = Annotated[Path | None, typer.Option(help="Folder to write to.", show_default="beside each loop")]
Bpm = Annotated[
    float | None, typer.Option(help="Tempo of all loops in BPM, 90-180.", show_default="from tags or file names")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]


@commands.command(rich_help_panel="Take loops apart", epilog="Example: fourfloor stems loops/loop.wav")
def stems(
    loops: Loops, out: Out = None, bpm: Bpm = None, overwrite: Overwrite = False, as_json: AsJson = False
) -> None:
    """Split loops into kick, drums, bass and music: WAV files that sum to the loop exactly.

    The stems of loop.wav go to the folder loop_stems. Each is a closed loop of the same length with the same tags.
    """
    import fourfloor as ff
    from fourfloor.interfaces.show import progress_bar

    with progress_bar("stems") as bar:
        made = ff.stems(loops, out=out, bpm=bpm, overwrite=overwrite, on_progress=bar.update)
    if as_json:
        print_json({"loops": [row.to_json() for row in made]})
        return
    for row in made:
        levels = ", ".join(
            f"{name} {'silent' if level is None else f'{level:.0f} dB'}" for name, level in row.levels_db.items()
        )
        print(f"{row.stems['kick'].parent}: {levels}")


@commands.command(rich_help_panel="Take loops apart", epilog="Example: fourfloor midi loops/loop.wav")
def midi(loops: Loops, out: Out = None, bpm: Bpm = None, overwrite: Overwrite = False, as_json: AsJson = False) -> None:
    """Transcribe the drums and the bass of loops to MIDI files.

    loop.wav becomes loop.mid: kick, snare or clap, and hats on channel 10 (General MIDI), the bass on channel 1.
    """
    import fourfloor as ff
    from fourfloor.interfaces.show import progress_bar

    with progress_bar("midi") as bar:
        made = ff.midi(loops, out=out, bpm=bpm, overwrite=overwrite, on_progress=bar.update)
    if as_json:
        print_json({"loops": [row.to_json() for row in made]})
        return
    for row in made:
        print(f"{row.file}: {_counted(row.notes)}")


@commands.command(
    rich_help_panel="Take loops apart", epilog="Example: fourfloor rekit loops/loop.wav --kit my-one-shots"
)
def rekit(
    loops: Loops,
    kit: Annotated[Path, typer.Option(help="Folder of one-shots, named kick, snare, hat, ...", show_default=False)],
    out: Out = None,
    bpm: Bpm = None,
    bass: Annotated[str, typer.Option(help="Bass sound: saw, sub, square, organ, fm or reese.")] = "saw",
    music: Annotated[bool, typer.Option("--music", help="Add the separated music of the loop.")] = False,
    seed: Annotated[int, typer.Option(help="Chooses the one-shots and the knobs of the synth.")] = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Play the drums of loops by your own one-shots and their bass by a synth.

    loop.wav becomes loop_rekit.wav. The kit is sorted by file names (kick or bd, snare or sd, clap or cp, hat or hh,
    open or oh) and needs a kick.
    """
    import fourfloor as ff
    from fourfloor.interfaces.show import progress_bar

    with progress_bar("rekit") as bar:
        made = ff.rekit(
            loops, kit=kit, out=out, bpm=bpm, bass=bass, keep_music=music, seed=seed, overwrite=overwrite,
            on_progress=bar.update,
        )  # fmt: skip
    if as_json:
        print_json({"loops": [row.to_json() for row in made]})
        return
    for row in made:
        missing = f"; without {_counted(row.left_out)}: the kit has no such sound" if row.left_out else ""
        print(f"{row.file}: {_counted(row.notes)}{missing}")


def _counted(notes: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(notes.items())) or "no notes"
