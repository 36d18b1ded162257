"""Commands on loops that are there: stems, midi, rekit, arrange."""

from pathlib import Path
from typing import Annotated

import typer

from fourfloor.interfaces.options import AsJson, OverwriteFiles
from fourfloor.interfaces.output import leave, print_json
from fourfloor.stopping import StopSignal

commands = typer.Typer()
Loops = Annotated[list[Path], typer.Argument(help="Loops: stereo files of whole bars at 44.1 kHz.", show_default=False)]
Out = Annotated[Path | None, typer.Option(help="Folder to write to.", show_default="beside each loop")]
Bpm = Annotated[
    float | None, typer.Option(help="Tempo of all loops in BPM, 90-180.", show_default="from tags or file names")
]


@commands.command(rich_help_panel="Take loops apart", epilog="Example: fourfloor stems loops/loop.wav")
def stems(
    loops: Loops, out: Out = None, bpm: Bpm = None, overwrite: OverwriteFiles = False, as_json: AsJson = False
) -> None:
    """Split loops into kick, drums, bass and music: WAV files that sum to the loop exactly.

    The stems of loop.wav go to the folder loop_stems. Each is a closed loop of the same length with the same tags.
    """
    import fourfloor as ff
    from fourfloor.audio import display_name
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
        print(f"{display_name(row.stems['kick'].parent)}: {levels}")


@commands.command(rich_help_panel="Take loops apart", epilog="Example: fourfloor midi loops/loop.wav")
def midi(
    loops: Loops, out: Out = None, bpm: Bpm = None, overwrite: OverwriteFiles = False, as_json: AsJson = False
) -> None:
    """Transcribe the drums and the bass of loops to MIDI files.

    loop.wav becomes loop.mid: kick, snare or clap, and hats on channel 10 (General MIDI), the bass on channel 1.
    """
    import fourfloor as ff
    from fourfloor.audio import display_name
    from fourfloor.interfaces.show import progress_bar

    with progress_bar("midi") as bar:
        made = ff.midi(loops, out=out, bpm=bpm, overwrite=overwrite, on_progress=bar.update)
    if as_json:
        print_json({"loops": [row.to_json() for row in made]})
        return
    for row in made:
        print(f"{display_name(row.file)}: {_counted(row.notes)}")


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
    overwrite: OverwriteFiles = False,
    as_json: AsJson = False,
) -> None:
    """Replay the drums of loops with your own one-shots, and their bass with a synth.

    loop.wav becomes loop_rekit.wav. The kit is sorted by file names (kick or bd, snare or sd, clap or cp, hat or hh,
    open or oh) and needs a kick.
    """
    import fourfloor as ff
    from fourfloor.audio import display_name
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
        print(f"{display_name(row.file)}: {_counted(row.notes)}{missing}")


@commands.command(
    rich_help_panel="Take loops apart",
    epilog=(
        'Example: fourfloor arrange loops/a.wav loops/b.wav --form "intro AA BA drop AB outro"\n\n'
        "Example: fourfloor arrange loops/a.wav loops/b.wav loops/c.wav --form my-form.txt --out set.wav"
    ),
)
def arrange(
    loops: Annotated[
        list[Path], typer.Argument(help="Loops of one tempo; the first is A, the second B.", show_default=False)
    ],
    form: Annotated[str, typer.Option(help="Letters and words, or a text file whose name ends in .txt.")] = (
        "intro AA BA drop AB outro"
    ),
    out: Annotated[Path, typer.Option(help="The WAV file to write.")] = Path("track.wav"),
    fills: Annotated[bool, typer.Option(help="Lead into each new section with a drum fill.")] = True,
    bpm: Bpm = None,
    overwrite: OverwriteFiles = False,
    as_json: AsJson = False,
) -> None:
    """Arrange loops and their stems as a track, with every bar line exact.

    A letter plays its loop for 8 bars, A:4 for 4. The words are intro, build, drop, break and outro: they use the stems
    of the next letter's loop. Stop with Ctrl-C: the file is a valid WAV of all bars that were written.
    """
    import fourfloor as ff
    from fourfloor.audio import SAMPLE_RATE, display_name
    from fourfloor.interfaces.show import progress_bar

    with progress_bar("arrange") as bar:
        try:
            made = ff.arrange(
                loops, out, form=form, fills=fills, bpm=bpm, overwrite=overwrite, on_progress=bar.update
            )  # fmt: skip
        except StopSignal as stop:
            leave(f"{out}: {stop}. The file holds what was written until then", stop.exit_code)
    if as_json:
        print_json(made.to_json())
        return
    for row in made.sections:
        print(f"{_clock(row.seconds)}  {row.name:6} {row.bars:3} bars  {display_name(row.loop)}")
    for loop in loops:
        if loop.name not in {row.loop for row in made.sections}:
            print(f"note: {display_name(loop)} plays nowhere, because its letter is not in the form")
    print(f"{out}: {made.bars} bars at {made.bpm:g} BPM, {_clock(made.frames / SAMPLE_RATE)}, {made.frames} frames")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}:{rest:06.3f}"


def _counted(notes: dict[str, int]) -> str:
    """Write out counts by instrument: "4 kick, 2 open hat"."""
    words = {"open": "open hat"}
    return ", ".join(f"{count} {words.get(name, name)}" for name, count in sorted(notes.items())) or "no notes"
