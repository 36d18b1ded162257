"""Seeded damage to the files of a folder: bits, bytes, cuts, swapped files, JSON values, headers that lie.

`sealed` damage has hashes that fit, as somebody makes it who means harm.
"""

import hashlib
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fourfloor.copies import fingerprints

VALUES: list[Any] = [
    None, True, "x", "\x1b[31m\n", "a" * 100_000, [], {}, [[]], -1, 0, 1.5, 10**12, 10**400, -1e308, float("nan"),
    float("inf"), [0] * 1000, {"a": {"b": None}},
]  # fmt: skip


def damage(folder: Path, rng: random.Random, sealed: bool = False) -> str:
    """Change one file of a folder; return what was done. `sealed` makes the hashes fit afterward."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size]
    files = [path for path in files if "listening" not in path.parts]  # for ears alone
    if sealed:
        files = [path for path in files if path.suffix in (".json", ".safetensors") and path.name != "run.json"]
    path = rng.choice(files)
    ways: list[Callable[[Path, random.Random], str]] = [piped, flipped, run_of_bytes, cut, trailing, swapped]
    if path.suffix == ".json":
        ways = [json_value] if sealed else [*ways, json_value, json_value]
    if path.suffix == ".safetensors":
        ways = [header_lie] if sealed else [*ways, header_lie, header_lie]
    done = rng.choice(ways)(path, rng)
    if sealed:
        seal(path)
    return f"{path.relative_to(folder)}: {done}"


def piped(path: Path, rng: random.Random) -> str:
    """Put a named pipe in the place of a file: who opens one waits for its other end."""
    path.unlink()
    os.mkfifo(path)
    return "a named pipe"


def flipped(path: Path, rng: random.Random) -> str:
    content = bytearray(path.read_bytes())
    place = rng.randrange(rng.choice([min(64, len(content)), len(content)]))
    content[place] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    return f"bit of byte {place}"


def run_of_bytes(path: Path, rng: random.Random) -> str:
    content, length = bytearray(path.read_bytes()), rng.choice([2, 16, 512])
    place = rng.randrange(len(content))
    content[place : place + length] = rng.choice([bytes(length), b"\xff" * length, rng.randbytes(length)])
    path.write_bytes(content)
    return f"{length} bytes at {place}"


def cut(path: Path, rng: random.Random) -> str:
    content = path.read_bytes()
    length = rng.choice([0, 7, len(content) - 1, rng.randrange(len(content))])
    path.write_bytes(content[:length])
    return f"cut to {length}"


def trailing(path: Path, rng: random.Random) -> str:
    path.write_bytes(path.read_bytes() + rng.choice([b"\0", b"\n", rng.randbytes(100), b"{}"]))
    return "trailing bytes"


def swapped(path: Path, rng: random.Random) -> str:
    others = [other for other in sorted(path.parent.iterdir()) if other.is_file() and other != path]
    if not others:
        return cut(path, rng)
    other = rng.choice([each for each in others if each.suffix == path.suffix] or others)
    contents = path.read_bytes(), other.read_bytes()
    for target, content in zip((other, path), contents, strict=True):
        target.write_bytes(content)
    return f"swapped with {other.name}"


def json_value(path: Path, rng: random.Random) -> str:
    """Change a value of a JSON file in type or range, or a key."""
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        return "no JSON any more"
    places: list[tuple[Any, Any]] = []
    open_ones = [content]
    while open_ones:
        held = open_ones.pop()
        keys = list(held) if isinstance(held, dict) else range(min(len(held), 20))
        places += [(held, key) for key in keys]
        open_ones += [held[key] for key in keys if isinstance(held[key], dict | list)]
    held, key = rng.choice(places)
    value = held[key]
    if isinstance(held, dict) and rng.random() < 0.2:
        del held[key]
        if rng.random() < 0.5:
            held[f"{key}x"] = value
        done = f"key {key} away"
    else:
        near = [-value, value + 1, value * 1000] if type(value) in (int, float) else []
        held[key] = rng.choice([*VALUES, *near, *near])
        done = f"{key} = {held[key]!r:.40}"
    path.write_text(json.dumps(content))
    return done


def header_lie(path: Path, rng: random.Random) -> str:
    """Let the header of safetensors lie of shapes, types, offsets or sizes, name a tensor twice, or not be UTF-8."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    names = [name for name in header if name != "__metadata__"]
    name, lie = rng.choice(names), rng.randrange(8)
    about = header[name]
    text: bytes | None = None
    if lie == 0:
        about["shape"] = rng.choice([[], [10**12], [2**62, 4], [*about["shape"], 1], about["shape"][::-1], [-1], ["x"]])
    elif lie == 1:
        about["dtype"] = rng.choice(["F64", "F16", "BF16", "I8", "BOOL", "U8", "F8_E4M3", "X", 7, None])
    elif lie == 2:
        start, end = about["data_offsets"]
        about["data_offsets"] = rng.choice([[end, start], [0, 10**12], [start, end + 4], [-1, end], [0, 0], [start]])
    elif lie == 3:
        header["again"] = dict(about)
    elif lie == 4:
        both = json.dumps(header).encode()
        text = both[:-1] + b", " + json.dumps(name).encode() + b": " + json.dumps(about).encode() + b"}"
    elif lie == 5:
        text = json.dumps(header).encode().replace(name.encode()[:3], b"\xff\xfe\xfd", 1)
    elif lie == 6:
        header[rng.choice([f"{name}x", "\x1b[31m", "ema/../x"])] = header.pop(name)
    text = text or json.dumps(header).encode()
    claimed = rng.choice([10**12, 2**63 - 1, 0, len(text) + 1]) if lie == 7 else len(text)
    path.write_bytes(claimed.to_bytes(8, "little") + text + data)
    return f"header lie {lie} of {name}"


def seal(path: Path) -> None:
    """Make the hash of a pair of JSON and safetensors fit what they hold now."""
    about, arrays = path.with_suffix(".json"), path.with_suffix(".safetensors")
    if not about.exists():
        return
    content, packed = json.loads(about.read_bytes()), arrays.read_bytes()
    if not isinstance(content, dict):
        return
    if about.name == fingerprints.ABOUT:
        rest = {key: value for key, value in content.items() if key != "sha256"}
        text = json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()
        about.write_text(json.dumps(rest | {"sha256": hashlib.sha256(text + packed).hexdigest()}))
    else:
        text = json.dumps(content | {"sha256": "0" * 64}).encode()
        about.write_bytes(text.replace(b"0" * 64, hashlib.sha256(text + packed).hexdigest().encode(), 1))
