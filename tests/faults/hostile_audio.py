"""Broken audio, and a process of its own to read it in, with a limit of memory and time."""

import json
import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from fourfloor import audio

# Decodes each file named on standard input under a memory limit and an alarm, and prints one JSON line for it.
CHILD = """
import json, resource, signal, sys
import numpy, soundfile, soxr
from fourfloor import audio

megabytes, seconds = int(sys.argv[1]), int(sys.argv[2])
used = 4096 * int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20,) * 2)
for name in json.load(sys.stdin):
    signal.setitimer(signal.ITIMER_PROF, seconds)  # of its own work, however many others there are
    signal.alarm(120)  # and where it waits for what never comes
    line = {"file": name, "frames": 0, "peak": 0.0, "error": None}
    try:
        stream = audio.AudioStream(name)
        for block in stream:
            line["frames"] += block.shape[1]
            line["peak"] = max(line["peak"], float(numpy.abs(block).max()))
        line["repairs"] = stream.repairs
    except audio.AudioError as error:
        line["error"] = str(error)
    # Not ru_maxrss: a child begins with that of the process that started it.
    status = dict(row.split(":", 1) for row in open("/proc/self/status"))
    line["peak_memory_mb"] = int(status["VmHWM"].split()[0]) // 1024
    print(json.dumps(line), flush=True)
"""
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


def decode_in_child(paths: list[Path], megabytes: int = 256, seconds: int = 10) -> list[dict]:
    """Return what a limited child process made of each file; fail where it died, hung or wrote to stderr."""
    names = json.dumps([str(path) for path in paths])
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(megabytes), str(seconds)],
        input=names,
        capture_output=True,
        text=True,
        env=os.environ | ONE_THREAD,
        check=False,
    )
    lines = [json.loads(line) for line in child.stdout.splitlines()]
    assert (child.returncode, child.stderr, len(lines)) == (0, "", len(paths)), lines[-1:]
    for line in lines:
        if line["error"] is not None:
            assert "\n" not in line["error"]
            assert line["error"].startswith(line["file"])
    return lines


def refusal(path: Path) -> str:
    """Return the reason for which a file is refused: one line that begins with its name."""
    with pytest.raises(audio.AudioError) as caught:
        list(audio.AudioStream(path))
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(audio.display_name(path))
    message.encode()
    return caught.value.reason


def wave_header(channels=2, rate=44_100, data=352_800, bits=16, tag=1) -> bytes:
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * align % 2**32, align % 2**16, bits)
    size = (data + 36) % 2**32
    return (
        b"RIFF"
        + struct.pack("<I", size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", data)
    )


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return a file with bytes changed, cut, doubled, zeroed or swapped, more often near its start."""
    data = bytearray(content)
    place = rng.randrange(min(len(data), rng.choice([64, 512, len(data)])))
    length = rng.choice([1, 4, 64, 1024])
    match rng.randrange(6):
        case 0:
            for _ in range(length):
                data[min(len(data) - 1, rng.randrange(place + length))] = rng.randrange(256)
        case 1:
            del data[rng.randrange(len(data)) :]
        case 2:
            data[place:place] = data[place : place + length]
        case 3:
            data[place : place + length] = bytes(len(data[place : place + length]))
        case 4:
            data[place : place + 4] = rng.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\x80", b"\0\0\0\0"])
        case 5:
            data[place : place + length] = rng.randbytes(length)
    return bytes(data)
