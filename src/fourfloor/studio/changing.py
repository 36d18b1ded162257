"""What the worker makes of a loop of the library: new loops, its stems and notes, the music nearest to it.

Its current folder is the library. New loops name the loop they were made of as their parent.
"""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import fourfloor as ff
from fourfloor import audio
from fourfloor.editing.source import read_source
from fourfloor.errors import FourfloorError
from fourfloor.studio.collection import LOOPS, PASSAGES
from fourfloor.studio.making import keep, model_of
from fourfloor.studio.training import DATASETS
from fourfloor.studio.worker import Say

PRODUCED = "produced-"  # tracks of `ff.produce`: the number that follows is the seed that renders them again


def vary(job: dict[str, Any], say: Say) -> None:
    """Make variations of a loop."""
    request = job["request"]
    made = model_of(request["model"]).vary(
        _source(request), amount=request["amount"], count=request["count"], seed=request["seed"]
    )
    _keep_all(made, job, say)


def fill(job: dict[str, Any], say: Say) -> None:
    """Redraw a region of a loop and keep the rest."""
    request = job["request"]
    beats = request["first_beat"], request["last_beat"]
    made = model_of(request["model"]).fill(_source(request), beats=beats, band=request["band"], seed=request["seed"])
    _keep_all([made], job, say)


def extend(job: dict[str, Any], say: Say) -> None:
    """Continue a loop to twice its length."""
    request = job["request"]
    _keep_all([model_of(request["model"]).extend(_source(request), seed=request["seed"])], job, say)


def morph(job: dict[str, Any], say: Say) -> None:
    """Make the steps between two loops; the ends are in the library already."""
    request = job["request"]
    other = Path(LOOPS) / f"{request['other']}.wav"
    made = model_of(request["model"]).morph(_source(request), other, steps=request["steps"] + 2, seed=request["seed"])
    _keep_all(
        [replace(loop, edited=loop.edited.replace(request["other"], "other", 1)) for loop in made[1:-1]], job, say
    )


def rekit(job: dict[str, Any], say: Say) -> None:
    """Play a loop's drums by one-shots of this machine, and its bass by a synth."""
    request = job["request"]
    source, kit = read_source(_source(request)), Path(os.path.expanduser(request["kit"]))
    say("progress", done=0, total=1, text="transcribing the drums")
    loop = ff.Loop(waveform=source.waveform, bpm=source.bpm, bars=source.bars)
    options = {"bass": request["bass"], "keep_music": request["keep_music"], "seed": request["seed"]}
    words = ["fourfloor", "rekit", f"{request['title']}.wav", "--kit", str(kit), "--bass", request["bass"]]
    command = shlex.join([*words, *(["--music"] if request["keep_music"] else []), "--seed", str(request["seed"])])
    made = replace(
        loop, waveform=loop.rekit(kit, **options), seed=request["seed"], edited=f"{request['title']}_rekit",
        comment=json.dumps({"command": command}),
    )  # fmt: skip
    name = f"{job['id']}-0"
    say("loop", **keep(made, name, verb="rekit", model=None, parent=request["loop"], title=made.title))


def stems(job: dict[str, Any], say: Say) -> None:
    """Split a loop into its stems, beside it."""
    say("progress", done=0, total=1, text="splitting into kick, drums, bass and music")
    (made,) = ff.stems(_source(job["request"]), overwrite=True)
    say("parts", loop=job["request"]["loop"], parts={"stems": made.levels_db})


def midi(job: dict[str, Any], say: Say) -> None:
    """Write a loop's drums and bass as MIDI, beside it."""
    say("progress", done=0, total=1, text="transcribing drums and bass")
    (made,) = ff.midi(_source(job["request"]), overwrite=True)
    say("parts", loop=job["request"]["loop"], parts={"midi": made.notes})


def passage(job: dict[str, Any], say: Say) -> None:
    """Write the training music that is nearest to a loop, from the place that is alike on, as a loop."""
    request = job["request"]
    track, _, place = (request["nearest"] or "").rpartition(" @ ")
    if not track:
        raise FourfloorError("no training music is like this loop")
    say("progress", done=0, total=1, text=f"looking for {track}")
    waveform, rate, bpm, bars = _training_music(track, float(place.removesuffix(" s")), Path(request["model"]).name)
    tags = audio.LoopTags(bpm=bpm, bars=bars, title=track, software=f"fourfloor {ff.__version__}")
    Path(PASSAGES).mkdir(exist_ok=True)
    audio.write_loop(Path(PASSAGES) / f"{request['loop']}.wav", audio.normalize_loop(waveform, rate), tags, rate)
    say("parts", loop=request["loop"], parts={"passage": {"bpm": bpm, "bars": bars}})


def _training_music(track: str, seconds: float, model: str) -> tuple[np.ndarray, int, float, int]:
    """Return the loop of a track that sounds at a time, turned to begin there; its rate, tempo and bars.

    The bundled model's produced tracks are rendered again; a tuned model's tracks are in its dataset.
    """
    from fourfloor.ingestion.catalogue import load
    from fourfloor.producer import render_loop

    number = track.removeprefix(PRODUCED)
    if number != track and number.isdecimal():
        made = render_loop(int(number))
        turned = np.roll(made.waveform, -round(seconds * audio.SAMPLE_RATE), axis=1)
        return turned, audio.SAMPLE_RATE, made.bpm, made.bars
    dataset = Path(DATASETS) / model
    catalogue = load(dataset) if dataset.is_dir() else None
    if catalogue and (found := catalogue.passage(track, seconds)):
        index, waveform = found
        return waveform, catalogue.sample_rate, catalogue.loops[index].bpm, catalogue.bars
    raise FourfloorError(f"the audio of {track} is not on this machine; its name is all that the model keeps")


def _source(request: dict[str, Any]) -> Path:
    return Path(LOOPS) / f"{request['loop']}.wav"


def _keep_all(loops: list[ff.Loop], job: dict[str, Any], say: Say) -> None:
    """Keep loops that were made of another one, under that one's title."""
    request = job["request"]
    for number, loop in enumerate(loops):
        title = loop.title.replace(request["loop"], request["title"], 1)
        name = f"{job['id']}-{number}"
        say("loop", **keep(loop, name, verb=job["kind"], model=request["model"], parent=request["loop"], title=title))
