"""A loop -> the same groove from clean sounds: drums from a folder of one-shots, bass from the producer's synth.

What is played is transcribed; room, ducking and master are the producer's, on the circle, so the loop closes.
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fourfloor.arguments import check_seed
from fourfloor.editing.midi import transcribe
from fourfloor.editing.stems import separate
from fourfloor.errors import FourfloorError
from fourfloor.producer import mix
from fourfloor.producer.arrangement import LEVELS
from fourfloor.producer.instruments import bass_patch
from fourfloor.producer.kits import Kit, load_kit
from fourfloor.producer.loops import render_part, stream
from fourfloor.producer.mastering import master
from fourfloor.producer.parts import Part
from fourfloor.producer.score import Event
from fourfloor.producer.styles import STYLES
from fourfloor.representations.stems import STEMS
from fourfloor.signal.beatgrid import BEATS_PER_BAR, SAMPLE_RATE

DRUMS = ("kick", "snare", "clap", "hat", "open")
STAND_IN = {"snare": "clap", "clap": "snare", "hat": "open", "open": "hat"}  # for a role that a kit lacks
BASSES = ("saw", "sub", "square", "organ", "fm", "reese")
STYLE = STYLES["tech house"]  # whose room, ducking and master finish the loop
DUCK, ROOM = 0.4, 0.06  # how far the bass gives way to the kick; what the drums but the kick send to the room


@dataclass(frozen=True, kw_only=True, eq=False)
class Replayed:
    """A replayed loop: `waveform` float32 `(2, samples)`, its events, and the hits that no sound was found for."""

    waveform: np.ndarray
    events: tuple[Event, ...]
    left_out: dict[str, int]


def open_kit(folder: Path) -> Kit:
    """Read a folder of one-shots; FourfloorError in one line where it holds no kick."""
    kit = load_kit(folder, SAMPLE_RATE)
    if "kick" not in kit.samples:
        held = ", ".join(sorted(kit.samples))
        raise FourfloorError(f"{folder}: holds no kick (found: {held}); name one like kick_01.wav or bd.wav")
    return kit


def rekit(
    waveform: np.ndarray, bars: int, kit: Kit, *, bass: str = "saw", keep_music: bool = False, seed: int = 0
) -> Replayed:
    """Play the drums of a loop `(2, samples)` by a kit and its bass by a synth; `seed` draws the one-shots and knobs.

    With `keep_music` the separated music of the loop is added as it is.
    """
    check_seed(seed)
    if bass not in BASSES:
        raise FourfloorError(f"bass {bass!r}: choose one of {', '.join(BASSES)}")
    samples, beat_samples = waveform.shape[1], waveform.shape[1] / (bars * BEATS_PER_BAR)
    events = transcribe(waveform, bars)
    parts = [*_drums(events, kit, seed), *_bass(events, bass, seed)]
    played = {part.name for part in parts}
    tracks = [
        (part, render_part(part, samples, beat_samples, SAMPLE_RATE, stream(seed, f"part {part.name}")))
        for part in parts
    ]
    if keep_music:
        music = separate(waveform, bars)[STEMS.index("music")]
        tracks.append((Part(name="music", events=[], level_db=LEVELS["stab"]), music))
    if not tracks:
        raise FourfloorError("neither drums nor bass were found in the loop; pass a loop with drums")
    kicks = [round(event.start * beat_samples) for event in events if event.instrument == "kick"]
    bus, _ = mix.mix_down(
        tracks, replace(STYLE, rumble=0.0), kicks, beat_samples, SAMPLE_RATE, stream(seed, "mix")
    )  # fmt: skip
    left_out = Counter(event.instrument for event in events if event.instrument not in played)
    return Replayed(
        waveform=master(bus, STYLE, 0.5, SAMPLE_RATE, stream(seed, "master"))[0],
        events=tuple(events), left_out=dict(left_out),
    )  # fmt: skip


def _drums(events: list[Event], kit: Kit, seed: int) -> list[Part]:
    parts = []
    for name in DRUMS:
        hits = [event for event in events if event.instrument == name]
        hit = kit.draw(name, stream(seed, name))
        if hit is None and name in STAND_IN:
            hit = kit.draw(STAND_IN[name], stream(seed, name))
        if hits and hit is not None:
            kick = name == "kick"
            parts.append(
                Part(
                    name=name, events=hits, hit=hit, level_db=LEVELS[name], reverb=0.0 if kick else ROOM,
                    low_cut=None if kick else 120.0,
                )
            )  # fmt: skip
    return parts


def _bass(events: list[Event], sound: str, seed: int) -> list[Part]:
    notes = [event for event in events if event.instrument == "bass"]
    if not notes:
        return []
    patch = bass_patch(sound, stream(seed, "bass"))
    return [Part(name="bass", events=notes, patch=patch, level_db=LEVELS["bass"], duck=DUCK, low_cut=30.0)]
