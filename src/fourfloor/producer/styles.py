"""The styles: tempo, groove, harmony and the chance of each instrument. A style is data; others draw from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from fourfloor.arguments import match_name


@dataclass(frozen=True, kw_only=True)
class Style:
    """What a style is likely to be; chances in [0, 1], ranges (low, high), weights relative."""

    bpm: tuple[float, float]
    modes: tuple[str, ...] = ("minor", "minor", "dorian", "phrygian")
    motion: tuple[float, float, float] = (0.6, 0.3, 0.1)  # static, two chords, four chords
    swing: tuple[float, float] = (0.5, 0.54)
    kicks: tuple[str, ...] = ("909",)
    drums: dict[str, float] = field(default_factory=dict)
    percussion: float = 1.5  # mean number of percussion parts
    bass: dict[str, float] = field(default_factory=dict)
    bass_sounds: tuple[str, ...] = ("saw", "sub", "square")
    acid: float = 0.0
    stab: float = 0.5
    stab_sounds: tuple[str, ...] = ("saws", "organ")
    chords: tuple[str, ...] = ("triad", "seventh")
    pad: float = 0.3
    lead: float = 0.1
    arp: float = 0.1
    noise: float = 0.3
    rumble: float = 0.0
    broken: float = 0.02
    duck: tuple[float, float] = (0.3, 0.7)
    reverb: tuple[float, float] = (0.6, 2.0)
    drive: tuple[float, float] = (0.1, 0.5)
    tilt: tuple[float, float] = (-1.5, 1.5)  # dB at 6 kHz against 150 Hz
    loudness: tuple[float, float] = (-12.0, -9.5)
    marks: dict[str, float] = field(default_factory=dict)  # of the bar and the phrase, where not as in `phrasing`


STYLES: dict[str, Style] = {
    "slow house": Style(
        bpm=(95, 116),
        modes=("minor", "dorian", "mixolydian"),
        motion=(0.4, 0.35, 0.25),
        swing=(0.5, 0.6),
        kicks=("deep", "808", "909"),
        drums=dict(clap=0.6, snare=0.25, rim=0.4, hat=0.8, open=0.5, shaker=0.6, conga=0.4),
        percussion=1.6,
        bass=dict(groove=5, offbeat=2, long=1, eighths=2),
        bass_sounds=("saw", "sub", "square", "fm"),
        acid=0.06,
        stab=0.5,
        stab_sounds=("epiano", "organ", "saws", "piano", "pluck"),
        chords=("seventh", "ninth", "triad"),
        pad=0.5,
        lead=0.25,
        arp=0.35,
        duck=(0.1, 0.5),
        drive=(0.0, 0.3),
        tilt=(-2, 1),
        loudness=(-13, -11),
        marks=dict(crash=0.5, bell=0.9),
    ),
    "deep house": Style(
        bpm=(116, 124),
        modes=("minor", "dorian"),
        motion=(0.35, 0.4, 0.25),
        swing=(0.52, 0.6),
        kicks=("deep", "909", "808"),
        drums=dict(clap=0.75, snare=0.15, rim=0.4, hat=0.85, open=0.75, shaker=0.5, conga=0.3, ride=0.15),
        percussion=1.2,
        bass=dict(groove=6, offbeat=2, long=1),
        bass_sounds=("sub", "saw", "organ", "square"),
        stab=0.8,
        stab_sounds=("epiano", "organ", "saws", "chordhit"),
        chords=("seventh", "ninth"),
        pad=0.45,
        lead=0.12,
        arp=0.1,
        reverb=(0.8, 2.5),
        drive=(0, 0.25),
        tilt=(-2.5, 0.5),
        loudness=(-13, -11),
        marks=dict(crash=0.5, swell=0.8, ghost=1.2),
    ),
    "classic house": Style(
        bpm=(118, 127),
        modes=("minor", "dorian", "major", "mixolydian"),
        motion=(0.15, 0.4, 0.45),
        swing=(0.5, 0.58),
        kicks=("909",),
        drums=dict(clap=0.85, snare=0.3, hat=0.8, open=0.9, shaker=0.3, conga=0.3, ride=0.25, rim=0.15),
        percussion=0.8,
        bass=dict(groove=5, offbeat=3, eighths=2),
        bass_sounds=("organ", "saw", "square", "fm"),
        stab=0.85,
        stab_sounds=("piano", "organ", "saws", "chordhit"),
        chords=("triad", "seventh"),
        pad=0.3,
        lead=0.25,
        arp=0.1,
        duck=(0.05, 0.4),
        drive=(0.1, 0.4),
        tilt=(-0.5, 2),
    ),
    "tech house": Style(
        bpm=(122, 130),
        motion=(0.8, 0.18, 0.02),
        swing=(0.5, 0.57),
        kicks=("909", "click", "deep"),
        drums=dict(clap=0.9, snare=0.25, rim=0.45, hat=0.85, open=0.85, shaker=0.6, conga=0.4, ride=0.2),
        percussion=2.4,
        bass=dict(groove=6, rolling=3, offbeat=1),
        bass_sounds=("saw", "square", "fm", "sub"),
        acid=0.08,
        stab=0.45,
        stab_sounds=("chordhit", "saws", "vox", "pluck"),
        pad=0.1,
        lead=0.12,
        arp=0.08,
        noise=0.5,
        drive=(0.2, 0.6),
        marks=dict(ghost=1.2, stop=1.1, bell=0.9),
    ),
    "acid house": Style(
        bpm=(118, 132),
        motion=(0.85, 0.13, 0.02),
        kicks=("909", "808"),
        swing=(0.5, 0.56),
        drums=dict(clap=0.85, snare=0.4, rim=0.35, hat=0.85, open=0.8, ride=0.2, conga=0.2),
        percussion=1.0,
        bass=dict(offbeat=1, long=1),
        bass_sounds=("sub", "square"),
        acid=1.0,
        stab=0.25,
        stab_sounds=("chordhit", "saws", "vox"),
        pad=0.15,
        lead=0.05,
        arp=0.03,
        duck=(0.0, 0.3),
        drive=(0.2, 0.7),
        marks=dict(roll=1.3, pickup=1.2),
    ),
    "detroit techno": Style(
        bpm=(120, 136),
        motion=(0.45, 0.4, 0.15),
        swing=(0.5, 0.56),
        kicks=("909", "808", "deep"),
        modes=("minor", "dorian"),
        drums=dict(clap=0.6, snare=0.35, rim=0.4, hat=0.9, open=0.75, ride=0.45, conga=0.25, shaker=0.2),
        percussion=1.4,
        bass=dict(groove=4, rolling=3, eighths=2, offbeat=1),
        bass_sounds=("saw", "square", "fm", "reese"),
        acid=0.1,
        stab=0.7,
        stab_sounds=("saws", "chordhit", "brass", "fm"),
        chords=("seventh", "ninth", "sus"),
        pad=0.55,
        lead=0.3,
        arp=0.35,
        broken=0.1,
        reverb=(0.8, 2.5),
    ),
    "dub techno": Style(
        bpm=(112, 126),
        motion=(0.8, 0.2, 0.0),
        kicks=("deep", "808"),
        modes=("minor", "dorian"),
        swing=(0.5, 0.56),
        drums=dict(clap=0.25, rim=0.5, hat=0.85, open=0.5, shaker=0.5, snare=0.1),
        percussion=1.2,
        bass=dict(long=2, groove=3, offbeat=2),
        bass_sounds=("sub", "saw"),
        stab=1.0,
        stab_sounds=("chordhit", "saws"),
        chords=("seventh", "triad", "ninth"),
        pad=0.5,
        noise=0.6,
        reverb=(2.0, 4.5),
        drive=(0.0, 0.3),
        tilt=(-3.5, -0.5),
        loudness=(-13.5, -11),
        marks=dict(crash=0.25, impact=0.9, swell=0.9, roll=0.4, bell=1.2),
    ),
    "minimal": Style(
        bpm=(120, 129),
        motion=(0.9, 0.1, 0.0),
        swing=(0.5, 0.6),
        kicks=("click", "deep", "808"),
        drums=dict(clap=0.5, rim=0.7, hat=0.85, open=0.35, shaker=0.5, snare=0.1, conga=0.2),
        percussion=3.0,
        bass=dict(groove=6, long=1, offbeat=2),
        bass_sounds=("sub", "fm", "square"),
        stab=0.35,
        stab_sounds=("chordhit", "fm", "pluck", "vox"),
        pad=0.12,
        lead=0.06,
        arp=0.15,
        noise=0.4,
        reverb=(0.4, 1.2),
        drive=(0, 0.2),
        loudness=(-13.5, -11),
        marks=dict(crash=0.2, impact=0.4, stop=1.2, bell=1.2),
    ),
    "peak-time techno": Style(
        bpm=(128, 142),
        motion=(0.75, 0.2, 0.05),
        kicks=("909", "hard"),
        modes=("minor", "phrygian", "harmonic"),
        drums=dict(clap=0.65, rim=0.2, hat=0.85, open=0.9, ride=0.5, shaker=0.3, snare=0.15),
        percussion=1.4,
        bass=dict(rolling=5, offbeat=2, eighths=1),
        bass_sounds=("saw", "sub", "reese", "square"),
        acid=0.12,
        stab=0.45,
        stab_sounds=("saws", "chordhit", "hoover", "brass"),
        chords=("fifth", "triad", "octave"),
        pad=0.35,
        lead=0.35,
        arp=0.3,
        noise=0.5,
        rumble=0.55,
        duck=(0.5, 0.9),
        drive=(0.3, 0.8),
        loudness=(-11, -9),
        marks=dict(crash=1.4, swell=0.9, ride=0.6),
    ),
    "hard techno": Style(
        bpm=(142, 165),
        motion=(0.85, 0.12, 0.03),
        kicks=("hard", "hard", "909"),
        modes=("minor", "phrygian", "harmonic"),
        drums=dict(clap=0.55, hat=0.85, open=0.9, ride=0.45, snare=0.25, rim=0.15),
        percussion=1.2,
        bass=dict(rolling=5, offbeat=3, eighths=1),
        bass_sounds=("reese", "saw", "sub"),
        acid=0.25,
        stab=0.4,
        stab_sounds=("hoover", "saws", "brass", "vox"),
        chords=("fifth", "octave", "triad"),
        pad=0.15,
        lead=0.3,
        arp=0.15,
        noise=0.5,
        rumble=0.65,
        duck=(0.5, 0.95),
        drive=(0.6, 1.4),
        tilt=(-1, 2),
        loudness=(-10.5, -9),
        marks=dict(crash=1.4, pickup=1.5, roll=1.2),
    ),
    "trance": Style(
        bpm=(132, 146),
        motion=(0.1, 0.3, 0.6),
        kicks=("909", "click"),
        modes=("minor", "minor", "harmonic"),
        swing=(0.5, 0.5),
        drums=dict(clap=0.8, hat=0.8, open=0.95, ride=0.35, shaker=0.35, snare=0.1),
        percussion=0.6,
        bass=dict(rolling=5, offbeat=5),
        bass_sounds=("saw", "square", "reese"),
        acid=0.15,
        stab=0.55,
        stab_sounds=("saws", "hoover", "pluck"),
        chords=("triad", "fifth"),
        pad=0.6,
        lead=0.55,
        arp=0.65,
        noise=0.5,
        duck=(0.4, 0.9),
        reverb=(1.2, 3.5),
        loudness=(-11, -9),
        marks=dict(crash=1.8, swell=1.2, roll=1.3),
    ),
}


GROUPS = ("house", "techno")  # words that stand for every style that has them


def matching_styles(name: str | None) -> list[str]:
    """Return the style that is meant, or all of a group; FourfloorError lists the names where none or several are."""
    if name is None:
        return list(STYLES)
    found = match_name("style", name, [*GROUPS, *STYLES])
    return [style for style in STYLES if found in style.split()] if found in GROUPS else [found]
