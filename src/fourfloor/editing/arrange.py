"""Loops and a form -> a track, bar by bar: every bar line exact, loops as they are, stems where the form asks for them.

A section of a letter is the loop itself, sample for sample, but for the 10 ms before what follows it and the fill in
its last two beats. All else is a sum of the loop's stems, some through a filter that opens or closes.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fourfloor.editing.form import Section
from fourfloor.editing.latents import JOINT_SECONDS
from fourfloor.editing.stems import separate
from fourfloor.editing.streaming import bar_line
from fourfloor.representations.stems import STEMS
from fourfloor.signal.beatgrid import BEATS_PER_BAR, SAMPLE_RATE

CUTOFFS_HZ = np.geomspace(60.0, 14_000.0, 12)  # of the filtered versions that a sweep goes through
EDGE_OCTAVES = 1.0
ROLL = (2, 2, 1, 1, 1, 1)  # sixteenths of each repeated piece of a fill, two beats in all
FILL_BEATS = 2
MUTE_BEATS = 1  # without a kick before what follows
PIECE_FADE = 0.002  # seconds at the ends of a repeated piece
ALL = frozenset(STEMS)


class Material:
    """A loop to arrange; its stems are separated when a section first asks for them."""

    def __init__(self, waveform: np.ndarray, bars: int) -> None:
        self.waveform, self.bars = waveform.astype(np.float32), bars

    @functools.cached_property
    def stems(self) -> dict[str, np.ndarray]:
        """Return the stems `(2, samples)` by name."""
        return dict(zip(STEMS, separate(self.waveform, self.bars), strict=True))


@functools.lru_cache(maxsize=4)  # a section asks for the same sum bar by bar
def mixed(material: Material, names: frozenset[str]) -> np.ndarray:
    """Return the sum of some stems; of all of them it is the loop itself."""
    if names == ALL:
        return material.waveform
    return np.sum([material.stems[name] for name in sorted(names)] or [np.zeros_like(material.waveform)], axis=0)


@functools.lru_cache(maxsize=4)  # a sweep passes each cutoff once
def filtered(material: Material, names: frozenset[str], kind: str, step: int) -> np.ndarray:
    """Return the sum of some stems below or above a cutoff, filtered on the circle without phase."""
    mix = mixed(material, names)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(mix.shape[1], 1 / SAMPLE_RATE), 1e-3) / CUTOFFS_HZ[step])
    above = np.clip(octaves / EDGE_OCTAVES + 0.5, 0, 1)
    kept = above if kind == "high" else 1 - above
    return np.fft.irfft(np.fft.rfft(mix) * kept, mix.shape[1]).astype(np.float32)


@dataclass(frozen=True)
class Voice:
    """What sounds in a bar: stems as they are, and stems through a filter whose cutoff moves between two steps."""

    dry: frozenset[str] = ALL
    wet: frozenset[str] = frozenset()
    kind: str = "low"
    sweep: tuple[float, float] = (0.0, 0.0)


def voice(section: Section, bar: int) -> Voice:
    """Return what sounds in the bar of a section, counted from 0."""
    quarter, last = 4 * bar // section.bars, len(CUTOFFS_HZ) - 1
    groove, music = frozenset({"kick", "drums"}), frozenset({"music"})
    if section.name == "intro":
        wet = music if quarter == 3 else frozenset()
        dry = groove if quarter < 2 else groove | {"bass"}
        return Voice(dry, wet, "low", _share(section, bar, 0.75, 1.0, (4.0, last)))
    if section.name == "outro":
        wet = music if quarter == 0 else frozenset()
        dry = groove if quarter >= 2 else groove | {"bass"}
        return Voice(dry, wet, "low", _share(section, bar, 0.0, 0.25, (last, 4.0)))
    if section.name == "break":
        return Voice(frozenset(), music, "low", _share(section, bar, 0.0, 1.0, (3.0, last)))
    if section.name == "build":
        return Voice(frozenset(), ALL - {"kick"}, "high", _share(section, bar, 0.0, 1.0, (0.0, 6.0)))
    return Voice()


def _share(section: Section, bar: int, first: float, end: float, steps: tuple[float, float]) -> tuple[float, float]:
    """Return the cutoffs at the start and end of a bar, of a sweep over a share of the section."""
    at = np.clip((np.array([bar, bar + 1]) / section.bars - first) / (end - first), 0, 1)
    return tuple(float(value) for value in steps[0] + at * (steps[1] - steps[0]))  # type: ignore[return-value]


def arrange(loops: Sequence[Material], sections: Sequence[Section], bpm: float, fills: bool) -> Iterator[np.ndarray]:
    """Yield the bars of a track, float32 `(2, samples)` within ±1; bar k begins at `bar_line(bpm, k)`.

    At a joint the end of what comes before fades into the end of the loop that follows, which leads into its start.
    """
    total = sections[-1].start + sections[-1].bars
    fade = round(JOINT_SECONDS * SAMPLE_RATE)
    for bar in range(total):
        section = _section(sections, bar)
        begin, end = bar_line(bpm, bar), bar_line(bpm, bar + 1)
        block = _play(loops, section, bar, bpm, begin, end)
        following = _section(sections, bar + 1) if bar + 1 < total else section
        changes = following != section and (following.name, following.loop) != (section.name, section.loop)
        if fills and changes:
            block = _filled(loops[section.loop], section, bar, bpm, block)
        if bar + 1 < total and (following != section or voice(section, bar - section.start) != _next(section, bar)):
            block = block.copy()
            rise = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
            coming = _play(loops, following, bar + 1, bpm, end - fade, end)
            if not np.array_equal(coming, block[:, -fade:]):
                block[:, -fade:] += rise * (coming - block[:, -fade:])
        yield np.clip(block, -1, 1)  # stems alone may leave full scale; a loop does not


def _next(section: Section, bar: int) -> Voice:
    return voice(section, bar + 1 - section.start)


def _section(sections: Sequence[Section], bar: int) -> Section:
    return next(section for section in sections if section.start <= bar < section.start + section.bars)


def _play(loops: Sequence[Material], section: Section, bar: int, bpm: float, begin: int, end: int) -> np.ndarray:
    """Return samples `begin` to `end` of the track as a section sounds there, which begins with its loop's start."""
    material, sounds = loops[section.loop], voice(section, bar - section.start)
    turn = section.start + (bar - section.start) // material.bars * material.bars
    place = np.arange(begin - bar_line(bpm, turn), end - bar_line(bpm, turn)) % material.waveform.shape[1]
    block = mixed(material, sounds.dry)[:, place]
    if sounds.wet:
        block = block + _swept(material, sounds, place)
    return block.astype(np.float32)


def _swept(material: Material, sounds: Voice, place: np.ndarray) -> np.ndarray:
    """Return stems through a filter that moves: a mixture of two filtered versions at every sample."""
    at = np.linspace(*sounds.sweep, len(place))
    total = np.zeros((2, len(place)))
    for step in range(int(at.min()), min(int(at.max()) + 2, len(CUTOFFS_HZ))):
        share = np.clip(1 - np.abs(at - step), 0, 1)
        total += share * filtered(material, sounds.wet, sounds.kind, step)[:, place]
    return total


def _filled(material: Material, section: Section, bar: int, bpm: float, block: np.ndarray) -> np.ndarray:
    """Return a section's last bar whose last beats lead on: the drums repeat ever shorter pieces, the kick rests."""
    sounds = voice(section, bar - section.start)
    turn = section.start + (bar - section.start) // material.bars * material.bars
    samples, sixteenth = block.shape[1], block.shape[1] / (4 * BEATS_PER_BAR)
    place = (bar_line(bpm, bar) - bar_line(bpm, turn) + np.arange(samples)) % material.waveform.shape[1]
    filled = block.copy()
    if "kick" in sounds.dry:
        rest = round((BEATS_PER_BAR - MUTE_BEATS) * 4 * sixteenth)
        filled[:, rest:] -= material.stems["kick"][:, place[rest:]] * _flanks(samples - rest)
    if "drums" in sounds.dry:
        first = 4 * (BEATS_PER_BAR - FILL_BEATS)
        drums = material.stems["drums"][:, place]
        start = round(first * sixteenth)
        filled[:, start:] += _roll(drums, first, sixteenth) - drums[:, start:] * _flanks(samples - start)
    return filled


def _roll(drums: np.ndarray, first: int, sixteenth: float) -> np.ndarray:
    """Return the last sixteenths of a bar as repetitions of the piece that begins at sixteenth `first`."""
    ends = np.rint((first + np.cumsum([0, *ROLL])) * sixteenth).astype(int)
    lengths = np.diff(ends)
    return np.concatenate([drums[:, ends[0] : ends[0] + length] * _flanks(length) for length in lengths], axis=1)


def _flanks(samples: int) -> np.ndarray:
    """Return 1 with short linear flanks at both ends."""
    fade = round(PIECE_FADE * SAMPLE_RATE)
    at = np.arange(samples)
    return np.clip(np.minimum(at, samples - at) / fade, 0, 1).astype(np.float32)
