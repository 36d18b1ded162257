"""What a model makes of a loop that exists: variations, new regions, next bars, and steps to another loop."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fourfloor import generation
from fourfloor.api.draws import judge_draw
from fourfloor.api.loops import Loop, comment_of, editable, loop_of
from fourfloor.api.outputs import extend_title, fill_title, morph_title, vary_title
from fourfloor.api.parallel import in_parallel
from fourfloor.arguments import check_range, typed
from fourfloor.audio import display_name
from fourfloor.copies.fingerprints import Fingerprints
from fourfloor.copies.policy import is_copy
from fourfloor.editing import fill as filling
from fourfloor.editing import streaming
from fourfloor.editing import vary as varying
from fourfloor.editing.fill import Region
from fourfloor.editing.source import read_source
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.progress import PathLike
from fourfloor.signal.analysis import SILENCE_RMS
from fourfloor.signal.beatgrid import BAR_COUNTS

LoopLike = Loop | PathLike
MOST_STEPS = 64


@dataclass(frozen=True)
class _Source:
    """A loop to edit: its audio, tempo and length, a name for what comes of it, and how a command names it."""

    waveform: np.ndarray
    bpm: float
    bars: int
    name: str
    word: str


class Editing:
    """The editing half of `ff.Model`."""

    parts: LoopModel
    source: str
    decoder: str | None
    reference: Callable[[], Fingerprints]

    @typed
    def vary(
        self,
        loop: LoopLike,
        *,
        amount: float = 0.3,
        count: int = 1,
        seed: int = 0,
        style: str | None = None,
        bpm: float | None = None,
    ) -> list[Loop]:
        """Make loops like a loop.

        Args:
            loop: A `Loop`, or an audio file of whole bars: 1, 2, 4 or 8, stereo, 44.1 kHz.
            amount: How different they are, 0-1: at 0.3 the groove stays, at 1 nothing but tempo and length does.
            count: How many, 1-64.
            seed: Of the first one; the next one has `seed + 1`. 0 to 2^63 - 1.
            style: What to vary toward; None for any.
            bpm: The file's tempo, where neither its tags nor its name give it.

        Returns:
            `Loop`s of the same length, at about the level of the source. Amount 0 gives what the model's codec and
            decoder make of it.

        Raises:
            FourfloorError: The file is not a loop that can be edited, or an argument is out of range.

        Example:
            >>> import fourfloor as ff
            >>> model = ff.load("warehouse")
            >>> [close, far] = [model.vary(model.generate(bars=1, seed=3), amount=a)[0] for a in (0.2, 0.8)]
            >>> close.waveform.shape == far.waveform.shape
            True
        """
        check_range("amount", amount, 0, 1)
        check_range("count", count, 1, MOST_STEPS)
        source = _source_of(loop, bpm)
        first = self._request(source, seed, style)
        replace(first, seed=seed + count - 1)  # refused before anything is made

        def make(number: int) -> Loop:
            asked = replace(first, seed=seed + number)
            made = varying.vary(self.parts, source.waveform, asked, amount)
            words = ["vary", source.word, "--amount", f"{amount:g}"]
            return self._edited(made, asked, source, vary_title(source.name, amount, asked.seed), words)

        return list(in_parallel(make, count))

    @typed
    def fill(
        self,
        loop: LoopLike,
        *,
        beats: tuple[float, float],
        band: str = "all",
        seed: int = 0,
        style: str | None = None,
        bpm: float | None = None,
    ) -> Loop:
        """Make a region of a loop new; the rest stays, bit for bit from 20 ms outside the region on.

        Args:
            loop, seed, style, bpm: As for `vary`.
            beats: First and last beat of the region, counted from 1: (9, 16) is bars 3 and 4.
            band: What of the region is new: "all", "low" (below 150 Hz), "mid", or "high" (above 2.5 kHz).

        Returns:
            A `Loop` of the same length.

        Raises:
            FourfloorError: As for `vary`; or the region is not inside the loop.

        Example:
            >>> import fourfloor as ff
            >>> model = ff.load("warehouse")
            >>> loop = model.generate(bars=1, seed=3)
            >>> new = model.fill(loop, beats=(3, 4))
            >>> bool((new.waveform[:, 4000:40000] == loop.waveform[:, 4000:40000]).all())
            True
        """
        source = _source_of(loop, bpm)
        asked = self._request(source, seed, style)
        made = filling.fill(self.parts, source.waveform, asked, Region(beats[0] - 1, beats[1]), band)
        place = f"{beats[0]:g}-{beats[1]:g}"
        words = ["fill", source.word, "--beats", place] + ([] if band == "all" else ["--band", band])
        return self._edited(made, asked, source, fill_title(source.name, beats, band, seed), words)

    @typed
    def extend(
        self,
        loop: LoopLike,
        *,
        whole: bool = True,
        seed: int = 0,
        style: str | None = None,
        bpm: float | None = None,
    ) -> Loop:
        """Continue a loop by as many new bars as it has, so that both together close.

        Args:
            loop, seed, style, bpm: As for `vary`; the loop has 1, 2 or 4 bars.
            whole: Return the source and its next bars, not these alone.

        Returns:
            A `Loop` twice as long, whose first half is the source, bit for bit; or its second half alone.

        Raises:
            FourfloorError: As for `vary`; or the loop is too long.

        Example:
            >>> import fourfloor as ff
            >>> model = ff.load("warehouse")
            >>> model.extend(model.generate(bars=1, seed=3)).bars
            2
        """
        source = _source_of(loop, bpm)
        asked = self._request(source, seed, style)
        made = filling.extend(self.parts, source.waveform, asked)
        if not whole:
            made = made[:, source.waveform.shape[1] :]
        title = extend_title(source.name, whole, seed)
        words = ["continue", source.word, *(["--whole"] if whole else [])]
        return self._edited(made, replace(asked, bars=source.bars * (2 if whole else 1)), source, title, words)

    @typed
    def morph(
        self, loop: LoopLike, other: LoopLike, *, steps: int = 6, seed: int = 0, bpm: float | None = None
    ) -> list[Loop]:
        """Make the steps from a loop to another one, at the tempo of the first.

        Args:
            loop, other: As for `vary`, both of as many bars.
            steps: How many loops, both ends among them, 2-64.
            seed: Decides the noise in hats and reverb.
            bpm: The tempo of files, where neither tags nor names give it.

        Returns:
            `Loop`s from the first one to the other, as the model's codec and decoder return these.

        Raises:
            FourfloorError: As for `vary`; or the loops have different numbers of bars.

        Example:
            >>> import fourfloor as ff
            >>> model = ff.load("warehouse")
            >>> len(model.morph(model.generate(bars=1, seed=3), model.generate(bars=1, seed=4), steps=3))
            3
        """
        check_range("steps", steps, 2, MOST_STEPS)
        source, target = _source_of(loop, bpm), _source_of(other, bpm)
        if source.bars != target.bars:
            lengths = f"{source.word} and {target.word} differ in length, {source.bars} and {target.bars} bars"
            raise FourfloorError(f"{lengths}: give two loops of the same number of bars")
        asked = self._request(source, seed, None)
        shares = np.linspace(0, 1, steps).tolist()
        made = varying.morph(self.parts, source.waveform, target.waveform, asked, shares)
        words = ["morph", source.word, target.word, "--steps", str(steps)]
        titles = [morph_title(source.name, target.name, number) for number in range(1, steps + 1)]
        return [
            self._edited(waveform, asked, source, title, words) for waveform, title in zip(made, titles, strict=True)
        ]

    @typed
    def stream(self, *, bpm: float = 126.0, seed: int = 0, style: str | None = None) -> Iterator[np.ndarray]:
        """Play without end: blocks of four bars that change step by step.

        Args:
            bpm: Tempo, 90-180.
            seed: 0 to 2^62.
            style: One of `styles`; None for any.

        Yields:
            Float32 `(2, samples)` at 44.1 kHz, within ±1. Block k begins at sample `round(k * 16 * 60 * 44100 / bpm)`
            of what was played so far.

        Raises:
            FourfloorError: An argument is out of range, or the model cannot edit loops.

        Example:
            >>> import fourfloor as ff
            >>> blocks = ff.load("warehouse").stream(bpm=126)
            >>> next(blocks).shape
            (2, 336000)
        """
        asked = Request(bpm=bpm, seed=seed, style=generation.style_name(self.parts.prior, style))
        return streaming.stream(self.parts, asked)

    def _request(self, source: _Source, seed: int, style: str | None) -> Request:
        asked = Request(bpm=source.bpm, bars=source.bars, seed=seed, style=style)
        return replace(asked, style=generation.style_name(self.parts.prior, style))

    def _edited(self, waveform: np.ndarray, asked: Request, source: _Source, title: str, words: Sequence[str]) -> Loop:
        """Measure what was made of a source, and return it as a loop; passages of the source itself are no copies."""
        from fourfloor.faults import COPY  # brings scipy, which a training may lack

        draw = judge_draw(self.parts, asked, waveform, self.reference())
        if COPY in draw.faults and is_copy(self._copy_score(source, asked)):  # of what the source is one of, too
            draw = replace(draw, faults=tuple(fault for fault in draw.faults if fault != COPY))
        options = ["--seed", str(asked.seed), *(["--style", asked.style] if asked.style else [])]
        command = shlex.join(["fourfloor", *words, "--model", self.source, *options])
        loop = loop_of(draw, self.parts, self.source, self.decoder)
        return replace(loop, edited=title, comment=comment_of(self.parts, asked, command))

    def _copy_score(self, source: _Source, asked: Request) -> float | None:
        own = replace(asked, bars=source.bars)
        return judge_draw(self.parts, own, source.waveform, self.reference()).scores.copy_score


def _source_of(loop: LoopLike, bpm: float | None) -> _Source:
    """Return a loop that the model can take in; FourfloorError names it where it has other bars or no sound."""
    if isinstance(loop, Loop):
        source = _Source(editable(loop), loop.bpm, loop.bars, loop.title, f"{loop.title}.wav")
    else:
        read = read_source(Path(loop), bpm)
        source = _Source(read.waveform, read.bpm, read.bars, read.path.stem, str(loop))
    name = display_name(source.word)
    if source.bars not in BAR_COUNTS:
        raise FourfloorError(f"{name}: lasts {source.bars} bars; cut it to 1, 2, 4 or 8 bars")
    if float(source.waveform.std(axis=1).max()) <= SILENCE_RMS:
        raise FourfloorError(f"{name}: is silent; name a loop with sound")
    return source
