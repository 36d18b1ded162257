"""Measurements -> medians and ratios, docs/speed.md, and a line of docs/results/speed.jsonl."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, StrictUndefined

HERE = Path(__file__).parent
Measured = Mapping[str, Sequence[Mapping[str, float]]]  # by what was run: the numbers of each time it was run


@dataclass(frozen=True, kw_only=True)
class Row:
    """A number of two builds: `ratio` is that of the new to the old one, `target` what it may be at most."""

    name: str
    unit: str
    before: float
    now: float
    target: float | None = None

    @property
    def ratio(self) -> float:
        """Return the new number over the old one."""
        return self.now / self.before

    @property
    def verdict(self) -> str:
        """Say whether the target is met; empty where there is none."""
        return "" if self.target is None else "met" if self.ratio <= self.target else "missed"


@dataclass(frozen=True, kw_only=True)
class Speed:
    """A number of this build alone that must reach `target` at least."""

    name: str
    value: float
    target: float

    @property
    def verdict(self) -> str:
        """Say whether the target is met."""
        return "met" if self.value >= self.target else "missed"


def rows(before: Measured, now: Measured, loops: int, sizes: tuple[float, float]) -> list[Row]:
    """Compare two builds; `loops` is how many were made at once, `sizes` what each takes on the disk."""

    def row(name: str, unit: str, run: str, number: str, target: float | None = None, share: int = 1) -> Row:
        old, new = (median(float(each[number]) for each in build[run]) / share for build in (before, now))
        return Row(name=name, unit=unit, before=old, now=new, target=target)

    def further(build: Measured) -> float:
        pairs = zip(build["first"], build["loops"], strict=True)
        return median((many["cpu"] - one["cpu"]) / (loops - 1) for one, many in pairs)

    return [
        row("first loop", "s", "first", "wall", 0.30),
        row("first loop", "CPU-s", "first", "cpu"),
        row("first loop, peak memory", "MB", "first", "peak_mb", 0.60),
        row(f"{loops} loops", "s", "loops", "wall", 0.40),
        row(f"{loops} loops", "CPU-s", "loops", "cpu"),
        row(f"{loops} loops, peak memory", "MB", "loops", "peak_mb", 0.60),
        Row(name="each further loop", unit="CPU-s", before=further(before), now=further(now)),
        row("decoding, a loop", "CPU-s", "loops", "decoding", 0.60, loops),
        row("copy search, a loop", "CPU-s", "loops", "search", 0.25, loops),
        row("ingest", "CPU-s", "ingest", "cpu", 0.77),
        row("training step, prior", "CPU-s", "prior", "step", 0.77),
        row("training step, decoder", "CPU-s", "decoder", "step", 0.77),
        Row(name="installed for generating", unit="MB", before=sizes[0], now=sizes[1], target=0.40),
    ]


def verb_speeds(now: Measured) -> list[Speed]:
    """Return how many times faster than real time each verb is on one core."""
    names = [name for name in now["verbs"][0] if name not in ("wall", "cpu", "peak_mb")]
    return [Speed(name=name, value=median(each[name] for each in now["verbs"]), target=5.0) for name in names]


def peer_rows(peers: Measured, further: float) -> list[Speed]:
    """Return how many times the CPU-seconds of our further loop each peer's loop takes."""
    targets = {"sa3-small": 35.0}
    return [
        Speed(name=name, value=median(each["loop"] for each in runs) / further, target=targets.get(name, 0.0))
        for name, runs in peers.items()
    ]


def machine() -> str:
    """Describe the processor and how many of its cores may be used."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    wide = "with" if any("avx512f" in line for line in lines) else "without"
    return f"{len(names) or 1} cores, {names[0] if names else platform.machine()}, {wide} AVX-512"


def page(facts: Mapping[str, Any]) -> str:
    """Return docs/speed.md."""
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string((HERE / "speed.md").read_text()).render(**facts)


def line(facts: Mapping[str, Any]) -> str:
    """Return a run as one line of JSON."""
    compared = [{**asdict(row), "ratio": row.ratio} for row in facts["rows"]]
    alone = {kind: {each.name: each.value for each in facts[kind]} for kind in ("verbs", "peers")}
    kept = {name: facts[name] for name in ("date", "commit", "against", "machine", "load", "runs", "loops")}
    return json.dumps({**kept, "rows": rounded(compared), **rounded(alone)}) + "\n"


def rounded(value: Any) -> Any:
    """Keep four digits of every number."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value
