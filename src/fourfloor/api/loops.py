"""A generated loop: its audio, its measurements, and the file it is written to."""

import json
import math
import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fourfloor import __version__, audio
from fourfloor.api.draws import Draw
from fourfloor.api.outputs import loop_title, refuse_existing
from fourfloor.arguments import check_range, checked, numbers_of, typed
from fourfloor.audio.opening import MAX_RATE, MIN_RATE
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.representations.controls import ANY, Controls
from fourfloor.signal.beatgrid import loop_samples

LENGTH_TOLERANCE = 0.005  # of a loop that is given: what another program's rounding or resampling leaves
LOUDEST = 1000.0  # a sample of such a loop: 60 dB above full scale


@dataclass(frozen=True, kw_only=True)
class Copy:
    """The passage of the training music that is most similar to a loop.

    Attributes:
        score: Correlation of the two, at most 1. At about 0.65 the loop has the fault "copy". None: nothing is similar.
        track: Name of the training track; empty where nothing is similar.
        seconds: Position of the passage in the track, in seconds.
    """

    score: float | None = None
    track: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Loop:
    """A generated loop, or your own audio: `ff.Loop(waveform=x, bpm=126, bars=4)` makes it fit `evaluate` and `pack`.

    Attributes:
        waveform: Float32 `(channels, samples)`, `bars` bars long to within 0.5 %. A generated one is stereo, leveled,
            within ±1, and exact to the sample.
        bpm: Requested tempo in BPM, 90-180.
        bars: Length in bars of four beats: 1, 2, 4 or 8.
        sample_rate: In Hz; 44,100 for a generated loop.
        key: Musical key as sample packs write it, such as "Amin" or "F#maj"; None where it is not clear. That of a
            generated loop is estimated (docs/metrics.md#key).
        seed: Seed of the draw that was kept. With `redraws=0` it gives exactly this loop again.
        style: Requested style; None for any.
        controls: Requested controls.
        measured: The same controls measured in the loop: ranks 0-1 by name.
        copy: The most similar passage of the training music.
        faults: Names of faults, worst first: "not finite", "silent", "open seam", "copy", "clipped", "tempo", or
            "misses" and a control; empty when nothing is wrong.
        draws: Number of draws from which this one was chosen.
        bpm_measured: Tempo measured in the audio, in BPM; NaN for your own audio.
        seam: How well the loop closes, 0-1; NaN for your own audio.
        model: Name of the model.
        comment: JSON text for the file's tags: model, seed, hashes, and the command that makes the file again.
    """

    waveform: np.ndarray
    bpm: float
    bars: int
    sample_rate: int = audio.SAMPLE_RATE
    key: str | None = None
    seed: int = 0
    style: str | None = None
    controls: Controls = ANY
    measured: Mapping[str, float] = field(default_factory=dict)
    copy: Copy = Copy()
    faults: tuple[str, ...] = ()
    draws: int = 1
    bpm_measured: float = math.nan
    seam: float = math.nan
    model: str = "own"
    comment: str = field(default="", repr=False)
    edited: str = ""  # the title of one that was made of another

    def __post_init__(self) -> None:
        for name, kind in (("sample_rate", int), ("key", str | None), ("model", str), ("comment", str)):
            object.__setattr__(self, name, checked(name, getattr(self, name), kind))
        for name in ("bpm", "bars", "seed"):  # of a type that is checked
            object.__setattr__(self, name, getattr(self.request, name))
        check_range("sample_rate", self.sample_rate, MIN_RATE, MAX_RATE)
        waveform = numbers_of("waveform", self.waveform)
        if waveform.ndim != 2 or waveform.shape[0] > 2:
            raise FourfloorError(f"waveform {waveform.shape}: give (channels, samples), one or two channels")
        samples = loop_samples(self.request.bpm, self.request.bars, self.sample_rate)
        if abs(waveform.shape[1] - samples) > LENGTH_TOLERANCE * samples:
            whole = f"{self.bars} bars at {self.bpm:g} BPM and {self.sample_rate} Hz have {samples}"
            raise FourfloorError(f"waveform has {waveform.shape[1]} samples, {whole}: give whole bars")
        object.__setattr__(self, "waveform", waveform)

    @property
    def request(self) -> Request:
        """Return the request of the draw that was kept."""
        return Request(bpm=self.bpm, bars=self.bars, seed=self.seed, style=self.style, controls=self.controls)

    @property
    def title(self) -> str:
        """Return the loop's file name without extension, such as "fourfloor_126bpm_warehouse_4bars_s0"."""
        return self.edited or loop_title(audio.plain_word(self.model), self.request)

    @typed
    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False, plain: bool = False) -> Path:
        """Write the loop as a WAV file: 44.1 kHz, stereo, 24 bit, with tempo and loop points.

        Under the same file name, `fourfloor generate` writes the same bytes.

        Args:
            path: File to write, in an existing folder.
            overwrite: Replace an existing file.
            plain: Write the audio without tags.

        Returns:
            The path, as `pathlib.Path`.

        Raises:
            FourfloorError: The file exists, its name ends in that of another format, or the disk is full; no partial
                file remains.

        Example:
            >>> import fourfloor as ff
            >>> loop = ff.load("warehouse").generate(bars=1, seed=3)
            >>> loop.save("kick.wav", overwrite=True).name
            'kick.wav'
        """
        path = Path(path)
        audio.check_wav_name(path)
        if not overwrite:
            refuse_existing(path.parent, [path.name], "choose another name")
        tags = None if plain else loop_tags(self.request, path.stem, self.comment, self.key)
        audio.write_loop(path, self.waveform, tags, self.sample_rate)
        return path

    def stems(self) -> dict[str, np.ndarray]:
        """Split the loop into kick, drums, bass and music.

        Returns:
            Float32 `(2, samples)` by name. They sum to `waveform`; each is a closed loop.

        Example:
            >>> import fourfloor as ff
            >>> loop = ff.load("warehouse").generate(bars=1, seed=3)
            >>> list(loop.stems())
            ['kick', 'drums', 'bass', 'music']
        """
        from fourfloor.editing.stems import separate
        from fourfloor.representations.stems import STEMS

        return dict(zip(STEMS, separate(editable(self), self.bars), strict=True))

    def midi(self) -> bytes:
        """Transcribe drums and bass to MIDI.

        Returns:
            The content of a standard MIDI file: drums on channel 10, the bass on channel 1.

        Example:
            >>> import fourfloor as ff
            >>> ff.load("warehouse").generate(bars=1, seed=3).midi()[:4]
            b'MThd'
        """
        from fourfloor.editing.midi import transcribe
        from fourfloor.producer.midi import midi_bytes

        return midi_bytes(transcribe(editable(self), self.bars), self.bpm, self.bars)

    @typed
    def rekit(
        self, kit: str | os.PathLike[str], *, bass: str = "saw", keep_music: bool = False, seed: int = 0
    ) -> np.ndarray:
        """Play the loop's drums by your own one-shots and its bass by a synth.

        Args:
            kit, bass, keep_music, seed: As for `ff.rekit`.

        Returns:
            Float32 `(2, samples)`, within ±1, as long as the loop.

        Raises:
            FourfloorError: The kit holds no kick.

        Example:
            >>> import fourfloor as ff
            >>> loop = ff.load("warehouse").generate(bars=1, seed=3)
            >>> loop.rekit("my one-shots").shape  # doctest: +SKIP
            (2, 84000)
        """
        from fourfloor.editing import rekit as editing

        sounds = editing.open_kit(Path(kit))
        return editing.rekit(editable(self), self.bars, sounds, bass=bass, keep_music=keep_music, seed=seed).waveform


def editable(loop: Loop, name: str = "the loop") -> np.ndarray:
    """Return the audio of a loop that a verb works on; FourfloorError where a file like it is refused."""
    waveform = loop.waveform
    if waveform.shape[0] != 2:
        raise FourfloorError(f"{name} is mono, and must be stereo: pass np.repeat(waveform, 2, axis=0)")
    if loop.sample_rate != audio.SAMPLE_RATE:
        raise FourfloorError(f"{name} has {loop.sample_rate} Hz, and must have {audio.SAMPLE_RATE}: resample it")
    peak = float(np.abs(waveform).max(initial=0.0))
    if not peak <= 1:  # or NaN
        beyond = f"peaks at {peak:.3g}" if math.isfinite(peak) else "has samples that are not finite"
        raise FourfloorError(f"{name} {beyond}: give samples in [-1, 1]")
    if audio.cancels_in_mono(waveform):
        raise FourfloorError(f"{name} cancels in mono: invert one of its channels")
    return waveform


def loop_of(draw: Draw, model: LoopModel, source: str, decoder: str | None) -> Loop:
    """Return the loop of a draw; `source` and `decoder` name its model in the command that makes the file again."""
    from fourfloor.evaluation.key import key_of  # a saved loop needs nothing of it

    request, scores = draw.request, draw.scores
    track, _, place = (scores.nearest or "").rpartition(" @ ")
    nearest = Copy(score=scores.copy_score, track=track, seconds=float(place.removesuffix(" s"))) if track else Copy()
    return Loop(
        waveform=draw.waveform, sample_rate=audio.SAMPLE_RATE, bpm=request.bpm, bars=request.bars, seed=request.seed,
        key=key_of(draw.waveform, audio.SAMPLE_RATE), style=request.style, controls=request.controls,
        measured=draw.controls, copy=nearest, faults=draw.faults, draws=draw.draws, bpm_measured=scores.bpm_measured,
        seam=scores.seam.score, model=model.name,
        comment=comment_of(model, request, command_of(source, decoder, request)),
    )  # fmt: skip


def command_of(source: str, decoder: str | None, kept: Request) -> str:
    """Write the command that makes exactly this draw, whether it was redrawn or not."""
    words = ["fourfloor", "generate", "--model", source]
    words += ["--decoder", decoder] if decoder else []
    words += ["--bpm", repr(float(kept.bpm)).removesuffix(".0"), "--bars", str(kept.bars)]
    words += ["--style", kept.style] if kept.style else []
    for name, value in kept.controls.asked.items():
        option = name.replace("_", "-")
        words += [f"--{option}" if value else f"--no-{option}"] if name == "kick" else [f"--{option}", repr(value)]
    return shlex.join([*words, "--seed", str(kept.seed), "--count", "1", "--redraws", "0"])


def samples_of(waveform: np.ndarray) -> np.ndarray:
    """Return one or two channels as `(channels, samples)`, checked; one alone may be `(samples,)`."""
    values = np.atleast_2d(numbers_of("waveform", waveform))
    if values.ndim != 2 or values.shape[0] > 2 or not values.size or not np.isfinite(values).all():
        shape = np.shape(waveform)
        raise FourfloorError(f"waveform {shape}: give finite samples (channels, samples) of one or two channels")
    if (peak := np.abs(values).max()) > LOUDEST:
        raise FourfloorError(f"waveform peaks at {peak:.3g}: give samples of about [-1, 1]")
    return values


def loop_tags(request: Request, title: str, comment: str, key: str | None = None) -> audio.LoopTags:
    """Return the tags for the file of a loop; `title` may be a file name that is not Unicode."""
    return audio.LoopTags(
        bpm=request.bpm, bars=request.bars, title=audio.display_name(title), key=key, comment=comment,
        software=f"fourfloor {__version__}",
    )  # fmt: skip


def comment_of(model: LoopModel, request: Request, command: str = "") -> str:
    """Write as JSON what made a loop, and the command that makes it again."""
    comment: dict[str, Any] = {
        "model": model.name, "weights": model.weights_hash, "seed": request.seed, "style": request.style,
        "data_hash": model.prior.meta["data_hash"],
        "decoder": model.decoder.meta["data_hash"] if model.decoder else None, "codec": model.prior.codec_hash,
        "sampling": asdict(model.prior.recipe.generation),
    }  # fmt: skip
    if request.controls.asked:
        comment["controls"] = request.controls.asked
    if model.prior.unchanged_from:
        comment["unchanged_from"] = model.prior.unchanged_from
    if command:
        comment["command"] = command
    return json.dumps(comment)
