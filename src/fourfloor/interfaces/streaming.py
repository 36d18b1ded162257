"""Blocks of audio -> standard output or a file, until it is long enough or stopped."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fourfloor.arguments import check_range, refuse_address
from fourfloor.audio.files import AUDIO_EXTENSIONS
from fourfloor.audio.naming import check_wav_name
from fourfloor.audio.reading import SAMPLE_RATE
from fourfloor.audio.streaming import FORMATS, StreamWriter
from fourfloor.errors import FourfloorError
from fourfloor.interfaces.show import progress_bar
from fourfloor.saving import growing_file
from fourfloor.stopping import StopSignal

LONGEST_MINUTES = 24 * 60.0
LONGEST_WAV_MINUTES = 405  # of 16 bits: 4 GiB


def write_stream(blocks: Iterator[np.ndarray], out: str, form: str, minutes: float | None, overwrite: bool) -> None:
    """Write blocks until `minutes` are full; the last one is cut there. A signal ends it, and keeps what is written."""
    if form not in FORMATS:
        raise FourfloorError(f"--format {form}: choose {' or '.join(FORMATS)}")
    if form == "wav":
        check_wav_name(Path(out))
    elif Path(out).suffix.lower() in AUDIO_EXTENSIONS:  # no player reads samples without a header from it
        raise FourfloorError(f"{out}: --format raw writes samples without a header; name it {Path(out).stem}.raw")
    if minutes is not None:
        check_range("minutes", minutes, 0.01, LONGEST_MINUTES)
        if form == "wav" and out != "-" and minutes > LONGEST_WAV_MINUTES:
            raise FourfloorError(f"a WAV file holds {LONGEST_WAV_MINUTES} minutes: pass fewer, or --format raw")
    left = None if minutes is None else round(minutes * 60 * SAMPLE_RATE)
    with _target(out, overwrite) as file, progress_bar("stream") as bar:
        writer = StreamWriter(file, form, left, rewind=out != "-")  # type: ignore[arg-type]
        total = written = 0
        try:
            for block in blocks:
                part = block if left is None else block[:, : left - written]
                writer.write(part)
                written += part.shape[1]
                total = left or written
                bar.update(written, total, f"{written / SAMPLE_RATE / 60:.1f} minutes")
                if written == left:
                    break
        except StopSignal:
            if out == "-":
                raise
            print(f"{out}: {written / SAMPLE_RATE:.1f} s, stopped", file=sys.stderr)
            return
    if out != "-":
        print(f"{out}: {written / SAMPLE_RATE:.1f} s")


@contextlib.contextmanager
def _target(out: str, overwrite: bool) -> Iterator[BinaryIO]:
    if out == "-":
        if sys.stdout.isatty():
            raise FourfloorError("audio in a terminal is noise: pipe it to a player (| aplay), or pass --out FILE")
        yield sys.stdout.buffer
        return
    refuse_address(out)
    with growing_file(Path(out), overwrite) as file:
        yield file
