"""Arguments of a wrong type are one line, and names may be written in any clear way."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fourfloor.arguments import check_types, is_finite, match_name, refuse_address, typed
from fourfloor.errors import FourfloorError
from fourfloor.producer.styles import STYLES, matching_styles


@dataclass(frozen=True, kw_only=True)
class Asked:
    bars: int = 4
    bpm: float | None = None
    style: str | None = None
    out: Path = Path()
    strict: bool = False
    data: Sequence[Path] = ()
    ends: tuple[float, float] = (0.0, 1.0)
    either: str | Sequence[int] = ""
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(1))

    def __post_init__(self) -> None:
        check_types(self)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"bars": 4.0}, "bars is 4.0: pass a whole number, such as 4"),
        ({"bars": True}, "bars is True: pass a whole number, such as 4"),
        ({"bars": None}, "bars is None: pass a whole number, such as 4"),
        ({"bars": np.float64(4)}, "bars is np.float64(4.0): pass a whole number, such as 4"),
        ({"bpm": "126"}, "bpm is '126': pass a finite number, such as 126.5"),
        ({"bpm": float("nan")}, "bpm is nan: pass a finite number, such as 126.5"),
        ({"bpm": -np.inf}, "bpm is -inf: pass a finite number, such as 126.5"),
        ({"bpm": False}, "bpm is False: pass a finite number, such as 126.5"),
        ({"style": 3}, 'style is 3: pass a text, such as "techno"'),
        ({"out": "x"}, "out is 'x': pass a pathlib.Path, such as Path(\"loops\")"),
        ({"strict": 1}, "strict is 1: pass True or False"),
        ({"data": "x"}, "data is 'x': pass a list"),
        ({"data": Path("x")}, "data is PosixPath('x'): pass a list"),
        ({"data": [Path("x"), "y"]}, "data[1] is 'y': pass a pathlib.Path, such as Path(\"loops\")"),
        ({"ends": (0.0, "1")}, "ends[1] is '1': pass a finite number, such as 126.5"),
        ({"either": 3}, 'either is 3: pass a text, such as "techno", or a list'),
        ({"either": [1, "x"]}, "either[1] is 'x': pass a whole number, such as 4"),
        ({"numbers": [0.0]}, "numbers is [0.0]: pass a ndarray"),
    ],
)
def test_a_wrong_type_is_one_line(given: dict[str, object], told: str) -> None:
    with pytest.raises(FourfloorError) as raised:
        Asked(**given)  # type: ignore[arg-type]
    assert str(raised.value) == told


def test_numbers_of_numpy_become_those_of_python() -> None:
    given: dict[str, Any] = {
        "bars": np.int64(2), "bpm": np.float32(126.5), "strict": np.bool_(True), "ends": (np.int8(0), 1)
    }  # fmt: skip
    asked = Asked(**given)
    assert (asked.bars, asked.bpm, asked.strict, asked.ends) == (2, 126.5, True, (0.0, 1.0))
    assert (Asked(either="x").either, Asked(either=(1, 2)).either) == ("x", [1, 2])
    assert [type(value) for value in (asked.bars, asked.bpm, asked.strict, asked.ends[0])] == [int, float, bool, float]
    assert type(Asked(bpm=126).bpm) is float


@typed
def write(
    out: str | PathLike[str],
    loops: str | PathLike[str] | Asked | Iterable[str | PathLike[str] | Asked] = (),
    *,
    overwrite: bool = False,
    beats: tuple[float, float] = (1, 2),
    stems: Mapping[str, Path] | None = None,
    audio: np.ndarray | None = None,
    on_loop: Callable[[str], None] = print,
) -> tuple[object, ...]:
    return out, loops, overwrite, beats, stems


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"out": None}, 'out is None: pass a path, such as "loops"'),
        ({"loops": "/" + 256 * "b"}, f"loops is {repr(chr(47) + 256 * chr(98))[:60]}: pass a path whose names"),
        ({"out": ""}, "out is '': pass a path, such as \"loops\""),
        ({"out": b"x"}, "out is b'x': pass a path, such as \"loops\""),
        ({"out": "a\0b"}, "out is 'a\\x00b': pass a path, such as \"loops\""),
        (
            {"out": "/" + 256 * "b"},
            f"out is {repr(chr(47) + 256 * chr(98))[:60]}: pass a path whose names have at most 255",
        ),
        ({"overwrite": "no"}, "overwrite is 'no': pass True or False"),
        ({"loops": 3}, 'loops is 3: pass a path, such as "loops", or a Asked, or a list'),
        ({"loops": ["a.wav", 3]}, 'loops[1] is 3: pass a path, such as "loops", or a Asked'),
        ({"loops": np.zeros((2, 9))}, "loops[0] is array([0., 0., 0., 0., 0., 0., 0., 0., 0.]): pass a path, such as"),
        ({"beats": "3-4"}, "beats is '3-4': pass a list"),
        ({"beats": (3,)}, "beats is (3,): pass 2 values"),
        ({"stems": {"kick": "k.wav"}}, "stems['kick'] is 'k.wav': pass a pathlib.Path"),
        ({"on_loop": "print"}, "on_loop is 'print': pass a function"),
    ],
)
def test_a_call_with_a_wrong_type_is_one_line_before_any_work(given: dict[str, Any], told: str) -> None:
    with pytest.raises(FourfloorError) as raised:
        write(**{"out": "x", **given})
    assert str(raised.value).startswith(told)
    assert "\n" not in str(raised.value)


def test_a_call_takes_what_stands_for_its_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    out, loops, overwrite, beats, _ = write("~/pack", iter(["a", Asked()]), overwrite=np.bool_(True), beats=[1, 2])  # type: ignore[arg-type]
    assert (out, overwrite, beats) == ("/home/me/pack", True, (1.0, 2.0))
    assert [type(loop) for loop in loops] == [str, Asked]  # type: ignore[attr-defined]
    assert write(Path("pack"), "a.wav", audio=None)[:2] == (Path("pack"), "a.wav")
    with pytest.raises(TypeError, match=r"write\(\) missing 1 required positional argument: 'out'"):
        write()  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("deep house", "deep house"), ("Deep-House", "deep house"), (" DEEP_house ", "deep house"),
        ("deep  hou", "deep house"), ("peak time", "peak-time techno"), ("acid", "acid house"), ("tranc", "trance"),
    ],
)  # fmt: skip
def test_a_style_is_meant_in_any_case_and_by_a_unique_beginning(asked: str, name: str) -> None:
    assert match_name("style", asked, list(STYLES)) == name
    assert matching_styles(asked) == [name]


def test_what_is_not_clear_lists_the_names() -> None:
    with pytest.raises(FourfloorError, match="style 'D' could be deep house, detroit techno, dub techno: choose one"):
        match_name("style", "D", ["deep house", "detroit techno", "trance", "dub techno"])
    with pytest.raises(FourfloorError, match="style 'techno' could be dub techno, hard techno: choose one"):
        match_name("style", "techno", ["dub techno", "trance", "hard techno"])
    for unknown in ("polka", "", " "):
        with pytest.raises(FourfloorError, match=f"style '{unknown}' is unknown: use one of deep house, trance"):
            match_name("style", unknown, ["deep house", "trance"])
    with pytest.raises(FourfloorError, match="style 'deep-house' could be Deep House, deep_house: choose one"):
        match_name("style", "deep-house", ["Deep House", "deep_house"])
    assert match_name("style", "deep_house", ["Deep House", "deep_house"]) == "deep_house"


def test_a_word_stands_for_all_styles_that_have_it() -> None:
    assert matching_styles("Techno") == [style for style in STYLES if "techno" in style.split()]
    assert matching_styles("house") == [style for style in STYLES if "house" in style.split()]
    assert matching_styles(None) == list(STYLES)
    with pytest.raises(FourfloorError, match="style 'polka' is unknown: use one of house, techno, slow house"):
        matching_styles("polka")


def test_an_error_shows_every_character_of_what_a_file_holds() -> None:
    with pytest.raises(OSError, match="Errno 2") as caught:
        Path("/no such folder/x").read_bytes()
    assert str(FourfloorError(f"x: {caught.value}; y")) == "x: No such file or directory: '/no such folder/x'; y"
    assert str(FourfloorError("a\x1b[31m\nb\udcff é: no")) == "a\\x1b[31m\\nb\\udcff é: no"


def test_an_integer_beyond_every_float_is_no_number() -> None:
    assert is_finite(10**300)
    assert not is_finite(10**400)


@pytest.mark.parametrize("given", ["https://x.org/a b", "https:/x.org/a b", Path("https://x.org/a b")])
def test_an_address_is_no_file_and_is_shown_as_it_was_typed(given: str | Path) -> None:
    @typed
    def read(sources: str | PathLike[str] | Iterable[str | PathLike[str]], data: str | PathLike[str] = "") -> None:
        raise AssertionError

    for sources in (given, [given]):
        with pytest.raises(FourfloorError, match=r"^https://x\.org/a b: is an address, .* download it first"):
            read(sources)
    with pytest.raises(AssertionError):
        read("loops", data="s3://bucket/data")


def test_what_a_file_manager_drops_is_told_as_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FourfloorError, match=r"^file:///a%20b: write it as a path: /a b$"):
        refuse_address("file:///a%20b")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dj:").mkdir()
    for name in ("dj:/", "C:/loops", "a:b", "loops/https://x"):
        refuse_address(name)
