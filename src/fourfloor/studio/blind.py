"""A blind test: which of two loops would a person keep, not knowing which folder each one is from?

In: two folders of audio files. Out: pairs in random order at one loudness, a row of a CSV file for each answer, and a
sign test: how likely answers this uneven are where neither folder is better.
"""

from __future__ import annotations

import csv
import io
import math
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import FastAPI, HTTPException
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel

from fourfloor import audio
from fourfloor.errors import FourfloorError
from fourfloor.studio.pages import Page

KEPT = ("a", "b", "neither")
COLUMNS = ("answered_at", "pair", "kept", "file_a", "file_b", "first")
LOUDNESS_LUFS = -20.0  # of both loops of a pair: the louder one wins otherwise; low enough that none clips
LONGEST_SECONDS = 120.0
MAX_PAIRS = 500
Place = Annotated[int, InPath(ge=1, le=2)]


@dataclass(frozen=True)
class Pair:
    """A file of each folder, and which of them is heard as number 1."""

    file_a: Path
    file_b: Path
    first: Literal["a", "b"]

    def file(self, place: int) -> Path:
        """Return the file that is heard as number 1 or 2."""
        return self.file_a if (self.first == "a") == (place == 1) else self.file_b


class BlindTest:
    """The pairs of two folders, the same whenever they are made, and the answers so far.

    FourfloorError where a folder holds no audio or `answers` cannot be read.
    """

    def __init__(self, folder_a: Path, folder_b: Path, answers: Path) -> None:
        files = [_files(folder) for folder in (folder_a, folder_b)]
        if folder_a.resolve() == folder_b.resolve():
            raise FourfloorError(f"{audio.display_name(folder_a)}: was given twice; name two different folders")
        rng = random.Random(repr([[path.name for path in several] for several in files]))
        for several in files:
            rng.shuffle(several)
        together = list(zip(*files, strict=False))[:MAX_PAIRS]
        self.pairs = [Pair(a, b, rng.choice(("a", "b"))) for a, b in together]
        self.answers = answers
        self._answering = threading.Lock()  # answers come from several threads
        try:
            if not answers.exists():
                answers.parent.mkdir(parents=True, exist_ok=True)
                answers.write_text(_line(COLUMNS), encoding="utf-8", newline="")
            self.kept = dict(self._given())
        except OSError as error:
            raise FourfloorError(f"{answers}: cannot be used ({error.strerror}); choose another --library") from None
        except csv.Error:
            raise FourfloorError(f"{answers}: is not a table of answers; move it, or change --library") from None

    def _given(self) -> Iterator[tuple[int, str]]:
        """Read the answers to these pairs that an earlier sitting gave; skip other lines, such as a torn one."""
        with open(self.answers, encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == len(COLUMNS) and row[2] in KEPT]
        for row in rows:
            for number, pair in enumerate(self.pairs):
                if row[1:] == [str(number), row[2], pair.file_a.name, pair.file_b.name, pair.first]:
                    yield number, row[2]

    def answer(self, number: int, place: int) -> bool:
        """Note which of a pair is kept: 1, 2 or neither (0). Return False where the pair is answered already.

        FourfloorError where the answer cannot be written; it may be given again.
        """
        pair = self.pairs[number]
        kept = "neither" if place == 0 else "a" if (pair.first == "a") == (place == 1) else "b"
        row = (f"{time.time():.0f}", number, kept, pair.file_a.name, pair.file_b.name, pair.first)
        with self._answering:
            if number in self.kept:
                return False
            try:
                self._append(_line(row).encode("utf-8", "surrogateescape"))
            except OSError as error:
                reason = f"{self.answers}: the answer cannot be written ({error.strerror})"
                raise FourfloorError(f"{reason}; free space and answer again") from None
            self.kept[number] = kept
        return True

    def _append(self, line: bytes) -> None:
        with open(self.answers, "ab+") as file:
            file.seek(max(0, file.seek(0, io.SEEK_END) - 1))
            torn = file.read() not in (b"", b"\n")  # a stop in the middle of a line: the answer begins a new one
            file.write((b"\r\n" if torn else b"") + line)

    def result(self) -> dict[str, Any]:
        """Count the answers, with the chance of a count at least as uneven where neither folder is better."""
        counts = {name: list(self.kept.values()).count(name) for name in KEPT}
        return {
            **counts, "pairs": len(self.pairs), "answered": len(self.kept), "answers": str(self.answers),
            "p_value": sign_test(counts["a"], counts["b"]),
        }  # fmt: skip


def sign_test(wins: int, losses: int) -> float:
    """Return the two-sided p-value of the sign test: of `wins` against `losses` where both are equally likely.

    Dixon and Mood, "The statistical sign test", 1946. Ties do not count.
    """
    trials, fewer = wins + losses, min(wins, losses)
    return min(1.0, 2 * sum(math.comb(trials, count) for count in range(fewer + 1)) / 2**trials)


def add_routes(app: FastAPI, test: BlindTest, page: Page) -> None:
    """Answer what the page of a blind test asks."""

    @app.get("/blind", include_in_schema=False)
    def blind() -> HTMLResponse:
        return HTMLResponse(page.text("blind.html"), headers={"cache-control": "no-store"})

    @app.get("/api/blind")
    def state() -> dict[str, Any]:
        """How many pairs there are, which are answered, and, once all are, the result."""
        done = len(test.kept) == len(test.pairs)
        return {"pairs": len(test.pairs), "answered": sorted(test.kept), "result": test.result() if done else None}

    @app.get("/api/blind/{number}/{place}")
    def sound(number: int, place: Place) -> Response:
        """A loop of a pair, at the loudness of all; nothing in the answer says which file it is."""
        loud = _leveled(_pair(test, number).file(place))
        return Response(loud, media_type="audio/wav", headers={"cache-control": "no-store"})

    @app.post("/api/blind/{number}")
    def answer(number: int, answer: Answer) -> dict[str, Any]:
        """Keep 1, 2 or neither (0) of a pair."""
        _pair(test, number)
        if not test.answer(number, answer.keep):
            raise HTTPException(409, f"pair {number + 1} is answered already")
        return state()


class Answer(BaseModel):
    """Which of a pair is kept; 0 for neither."""

    keep: Literal[0, 1, 2]


def _pair(test: BlindTest, number: int) -> Pair:
    if not 0 <= number < len(test.pairs):
        raise HTTPException(404, f"there are {len(test.pairs)} pairs")
    return test.pairs[number]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FourfloorError(f"{audio.display_name(folder)}: is not a folder; name one with loops")
    files, left_out = audio.find_audio([folder])
    if not files:
        reason = left_out[0][1] if left_out else "holds no audio; name a folder with loops"
        raise FourfloorError(f"{audio.display_name(folder)}: {reason}")
    return files


def _leveled(path: Path) -> bytes:
    """Return a file as WAV without the tags that would tell where it comes from."""
    waveform = audio.decode(path, max_seconds=LONGEST_SECONDS)
    loudness = audio.loudness_lufs(waveform, audio.SAMPLE_RATE)
    gain = 10 ** ((LOUDNESS_LUFS - loudness) / 20) if np.isfinite(loudness) else 1.0
    peak = max(1e-9, float(np.abs(waveform).max(initial=0.0)))
    return audio.wave_bytes(path, waveform * min(gain, 1 / peak), None, audio.SAMPLE_RATE)


def _line(row: tuple[Any, ...]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue()
