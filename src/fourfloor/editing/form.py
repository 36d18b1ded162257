"""The form of a track -> its sections: `intro AA BA drop AB outro`, on one line or in a file of many.

Capital letters stand for the loops in the order they are given, eight bars each. Words stand for sections made of a
loop's stems: of the next letter's loop, and after the last letter of that one's. `:bars` after a word sets the bars of
each letter or section in it, and what follows # is a comment.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase

from fourfloor.errors import FourfloorError
from fourfloor.reading import read_file

LETTER_BARS = 8
WORDS = {"intro": 16, "build": 8, "drop": 16, "break": 8, "outro": 16}  # bars
MOST_BARS = 1024  # half an hour at 126 BPM
MOST_SECTION_BARS = 64
MOST_BYTES = 64 * 1024  # of a file
LETTERS = ascii_uppercase


@dataclass(frozen=True)
class Section:
    """`bars` of a track that begin at bar `start`: a loop as it is ("A"), or a word's share of its stems."""

    name: str
    loop: int
    start: int
    bars: int


def read_form(form: str) -> str:
    """Return the text of a form; a name that ends in .txt is a file."""
    if not form.strip().lower().endswith(".txt"):
        return form
    path = Path(form.strip())
    try:
        return read_file(path, MOST_BYTES).decode("utf-8-sig")  # some editors begin a text with a mark
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text in UTF-8"
        raise FourfloorError(f"{path}: cannot read the form ({reason}); give a text file") from None


def parse_form(text: str, loops: int) -> list[Section]:
    """Return the sections of a form for so many loops; FourfloorError in one line for what means nothing."""
    if not 1 <= loops <= len(LETTERS):
        raise FourfloorError(f"{loops} loops: give 1 to {len(LETTERS)}, one for each letter of the form")
    named = [entry for word in _words(text) for entry in _entries(word, loops)]
    if not any(name in LETTERS for name, _ in named):
        raise FourfloorError("the form names no loop: write capital letters such as A for the loops to play")
    total = sum(bars for _, bars in named)
    if total > MOST_BARS:
        raise FourfloorError(f"the form has {total} bars, a track has at most {MOST_BARS}: leave sections out")
    sections: list[Section] = []
    start = 0
    for number, (name, bars) in enumerate(named):
        later = [other for other, _ in named[number:] if other in LETTERS]
        earlier = [other for other, _ in named[:number] if other in LETTERS]
        letter = later[0] if later else earlier[-1]
        sections.append(Section(name, LETTERS.index(letter), start, bars))
        start += bars
    return sections


def _words(text: str) -> list[str]:
    return [word for line in text.splitlines() for word in line.partition("#")[0].split()]


def _entries(word: str, loops: int) -> list[tuple[str, int]]:
    """Return the name and bars of each section that a word stands for."""
    name, colon, count = word.partition(":")
    if colon and (not re.fullmatch(r"[0-9]{1,4}", count) or not 1 <= int(count) <= MOST_SECTION_BARS):
        raise FourfloorError(f"form: {word!r}: after the colon give the bars, 1-{MOST_SECTION_BARS}, as in A:4")
    if name in WORDS:
        return [(name, int(count) if colon else WORDS[name])]
    known = LETTERS[:loops]
    if not name or not set(name) <= set(LETTERS):
        use = f"use {', '.join(WORDS)}, or letters of loops such as {known[0]}"
        raise FourfloorError(f"form: {word!r} means nothing: {use}")
    unknown = sorted(set(name) - set(known))
    if unknown:
        given = "loop A is" if loops == 1 else f"loops A-{known[-1]} are"
        remedy = f"name another loop, or pass a --form without {unknown[0]}"
        raise FourfloorError(f"form: {word!r} names loop {unknown[0]}, but only {given} given; {remedy}")
    return [(letter, int(count) if colon else LETTER_BARS) for letter in name]
