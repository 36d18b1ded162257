"""Loops and a form -> a track."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fourfloor.api.loops import Loop, editable
from fourfloor.arguments import typed
from fourfloor.audio.naming import check_wav_name
from fourfloor.audio.streaming import StreamWriter
from fourfloor.errors import FourfloorError
from fourfloor.progress import OnProgress, PathLike, ignore, silent
from fourfloor.saving import growing_file
from fourfloor.signal.beatgrid import BEATS_PER_BAR

if TYPE_CHECKING:
    from fourfloor.editing.source import Source

FORM = "intro AA BA drop AB outro"
SAME_TEMPO = 1e-6  # of a tempo


@dataclass(frozen=True, kw_only=True)
class ArrangedSection:
    """A section of a track.

    Attributes:
        name: A letter or a word of the form.
        loop: File name of the loop that plays.
        bar: Its first bar, counted from 1.
        bars: Its length in bars.
        seconds: Where it begins.
    """

    name: str
    loop: str
    bar: int
    bars: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """A track of loops.

    Attributes:
        file: The WAV file.
        bpm: Its tempo in BPM.
        bars: Its length in bars.
        frames: Its length in samples.
        sections: One `ArrangedSection` for each section, in order.
    """

    file: Path
    bpm: float
    bars: int
    frames: int
    sections: tuple[ArrangedSection, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what `fourfloor arrange --json` prints."""
        return {**vars(self), "file": str(self.file), "sections": [vars(row) for row in self.sections]}


@typed
def arrange(
    loops: PathLike | Loop | Iterable[PathLike | Loop],
    out: PathLike,
    *,
    form: str = FORM,
    fills: bool = True,
    bpm: float | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
) -> Arrangement:
    """Arrange loops and their stems as a track, a WAV file of 24 bits.

    Bar k, counted from 0, begins at sample `round(k * 4 * 60 * 44100 / bpm)`. Where the form has a letter, the samples
    are those of the loop, but for the 10 ms before another section and, with `fills`, the two beats before it. The file
    grows bar by bar, and is a valid WAV wherever the work stops.

    Args:
        loops: One or several loops of one tempo, up to 26: `Loop`s, or stereo files of whole bars at 44.1 kHz.
        out: The WAV file to write.
        form: Capital letters for the loops in their order, eight bars each; the words intro, build, drop, break and
            outro; `:bars` after either; or the name of a text file that ends in .txt and holds all of that.
        fills: Lead from one section to another by a fill of the drums.
        bpm: Tempo of all files in BPM, 90-180; by default from their tags or names.
        overwrite: Replace an existing file.
        on_progress: Called with (done, total, text) after each bar.

    Returns:
        An `Arrangement`.

    Raises:
        FourfloorError: Before any work, where the form means nothing, a file is not a loop, tempi differ, or `out`
            exists.

    Example:
        >>> import fourfloor as ff
        >>> loops = ff.load("warehouse").generate_many(2, bars=1, seed=3)
        >>> track = ff.arrange(list(loops), "track.wav", form="AABA:2", overwrite=True)
        >>> track.bars, track.frames == round(8 * 4 * 60 * 44100 / 126)
        (8, True)
    """
    from fourfloor.editing import arrange as arranging
    from fourfloor.editing import form as forms
    from fourfloor.editing.streaming import bar_line

    several = [loops] if isinstance(loops, str | os.PathLike | Loop) else list(loops)
    if not several:
        raise FourfloorError("no loops are given; name WAV files of whole bars")
    sections = forms.parse_form(forms.read_form(form), len(several))
    sources = [_source(loop, bpm) for loop in several]
    tempo = _tempo(sources)
    last = sections[-1]
    total, file = last.start + last.bars, Path(out)
    check_wav_name(file)
    frames, tell = bar_line(tempo, total), silent(on_progress)
    materials = [arranging.Material(source.waveform, source.bars) for source in sources]
    with growing_file(file, overwrite) as target:
        writer = StreamWriter(target, "wav", frames, rewind=True, bits=24)
        for bar, block in enumerate(arranging.arrange(materials, sections, tempo, fills)):
            writer.write(block)
            tell(bar + 1, total, f"bar {bar + 1} of {total}")
    rows = tuple(
        ArrangedSection(
            name=section.name, loop=sources[section.loop].path.name, bar=section.start + 1, bars=section.bars,
            seconds=round(section.start * BEATS_PER_BAR * 60 / tempo, 3),
        )
        for section in sections
    )  # fmt: skip
    return Arrangement(file=file, bpm=tempo, bars=total, frames=frames, sections=rows)


def _source(loop: PathLike | Loop, bpm: float | None) -> "Source":
    from fourfloor.audio import LoopTags
    from fourfloor.editing.source import Source, read_source

    if not isinstance(loop, Loop):
        return read_source(Path(loop), bpm)
    tags = LoopTags(bpm=loop.bpm, bars=loop.bars, title=loop.title)
    return Source(path=Path(f"{loop.title}.wav"), waveform=editable(loop), bpm=loop.bpm, bars=loop.bars, tags=tags)


def _tempo(sources: "Sequence[Source]") -> float:
    """Return the tempo that all loops share."""
    first = sources[0]
    for other in sources[1:]:
        if abs(other.bpm / first.bpm - 1) > SAME_TEMPO:
            tempi = f"{other.bpm:g} BPM, but {first.path.name} has {first.bpm:g}"
            raise FourfloorError(f"{other.path.name} has {tempi}: arrange loops of one tempo")
    return first.bpm
