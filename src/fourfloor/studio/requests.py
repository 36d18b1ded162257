"""What may be asked of the studio, and within which limits: pydantic models, one for each kind of request."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fourfloor.representations.controls import Controls
from fourfloor.signal.beatgrid import BPM_RANGE

MAX_LOOPS = 64  # of one request
LoopId = Annotated[str, StringConstraints(pattern=r"^[0-9a-z]+(-[0-9]+)?$", max_length=40)]
# A name of a dataset, a run, an upload: one folder name that every system takes.
PlainName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]*$", max_length=60)]
Rank = Annotated[float, Field(ge=0, le=1)] | None


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class WantedControls(_Request):
    """Controls as `fourfloor.Controls` takes them."""

    density: Rank = None
    brightness: Rank = None
    low_end: Rank = None
    energy: Rank = None
    kick: bool | None = None


class Generate(_Request):
    """Ask for new loops."""

    kind: Literal["generate"]
    model: str = Field("warehouse", max_length=200)
    count: int = Field(4, ge=1, le=MAX_LOOPS)
    bpm: float = Field(126.0, ge=BPM_RANGE[0], le=BPM_RANGE[1])
    bars: Literal[1, 2, 4, 8] = 4
    # As text: numbers of JavaScript are exact up to 2^53 only.
    seed: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}$")] = "0"
    style: str | None = Field(None, max_length=100)
    controls: WantedControls = WantedControls()


class Stream(_Request):
    """Ask for music without end."""

    model: str = Field("warehouse", max_length=200)
    bpm: float = Field(126.0, ge=BPM_RANGE[0], le=BPM_RANGE[1])
    seed: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}$")] = "0"
    style: str | None = Field(None, max_length=100)


class _Edit(_Request):
    loop: LoopId
    model: str = Field("warehouse", max_length=200)
    seed: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}$")] = "0"


class Vary(_Edit):
    """Ask for loops like one."""

    kind: Literal["vary"]
    amount: float = Field(0.3, ge=0, le=1)
    count: int = Field(4, ge=1, le=MAX_LOOPS)


class Fill(_Edit):
    """Ask for a region of a loop to be redrawn, in beats counted from 1."""

    kind: Literal["fill"]
    first_beat: int = Field(ge=1, le=128)
    last_beat: int = Field(ge=1, le=128)
    band: Literal["all", "low", "mid", "high"] = "all"


class Extend(_Edit):
    """Ask for a loop to be continued."""

    kind: Literal["extend"]


class Morph(_Edit):
    """Ask for the steps from a loop to another one of as many bars."""

    kind: Literal["morph"]
    other: LoopId
    steps: int = Field(5, ge=3, le=16)


class Rekit(_Edit):
    """Ask for a loop's drums from a folder of one-shots on this machine, and its bass from a synth."""

    kind: Literal["rekit"]
    kit: str = Field(min_length=1, max_length=4096)
    bass: Literal["saw", "sub", "square", "organ", "fm", "reese"] = "saw"
    keep_music: bool = False


class Part(_Request):
    """Ask for what lies beside a loop: its stems, its notes as MIDI, or the training music nearest to it."""

    kind: Literal["stems", "midi", "passage"]
    loop: LoopId


class TakeIn(_Request):
    """Ask for the files of an upload as loops of the library; the tempo of all of them, where it is known."""

    kind: Literal["import"]
    upload: PlainName
    bpm: float | None = Field(None, ge=BPM_RANGE[0], le=BPM_RANGE[1])


class Pack(_Request):
    """Ask for a zip of loops in all formats."""

    kind: Literal["pack"]
    loops: list[LoopId] = Field(min_length=1, max_length=MAX_LOOPS)
    name: PlainName = "fourfloor"


class Ingest(_Request):
    """Ask for a dataset: of an upload, or of a folder on this machine."""

    kind: Literal["ingest"]
    name: PlainName
    upload: PlainName | None = None
    folder: str | None = Field(None, max_length=4096)


class Train(_Request):
    """Ask for the bundled model to be tuned to a dataset."""

    kind: Literal["train"]
    name: PlainName
    dataset: PlainName
    minutes: float = Field(10.0, gt=0, le=600)


Wanted = Generate | Vary | Fill | Extend | Morph | Rekit | Part | TakeIn | Pack | Ingest | Train


class Job(BaseModel):
    """A request for a job, of any kind."""

    model_config = ConfigDict(extra="forbid")
    job: Annotated[Wanted, Field(discriminator="kind")]


class Refusal(BaseModel):
    """Why a request is refused, in one line."""

    detail: str


class Ending(BaseModel):
    """Why a stream ended by itself, in one line."""

    reason: str


class GridChange(_Request):
    """A loop for a place of the clip grid; None empties it."""

    loop: LoopId | None


class LoopChange(_Request):
    """What a person may say about a loop."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)] | None = None
    loved: bool | None = None
    tags: list[Annotated[str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True)]] | None = Field(
        None, max_length=20
    )


def request_of(job: Wanted) -> dict[str, Any]:
    """Return a job's request as the worker takes it."""
    request = job.model_dump(exclude={"kind"})
    if isinstance(job, Generate | _Edit):
        request["seed"] = int(job.seed)
    if isinstance(job, Generate):
        Controls(**request["controls"])
    return request
