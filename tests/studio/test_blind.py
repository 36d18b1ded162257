"""The blind test: pairs that do not tell where they come from, answers that stay, and the sign test."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi import FastAPI
from scipy.stats import binomtest

from fourfloor import audio
from fourfloor.errors import FourfloorError
from fourfloor.studio import blind
from fourfloor.studio.blind import BlindTest, sign_test
from fourfloor.studio.pages import Page

from .conftest import Studio
from .looking import faults


def folders(root: Path, count: int = 6) -> tuple[Path, Path]:
    made = root / "left", root / "right"
    for place, folder in enumerate(made):
        folder.mkdir()
        for number in range(count):
            noise = np.random.default_rng(number).uniform(-1, 1, (84_000, 2)) * (0.1 if place else 0.9)
            soundfile.write(folder / f"{folder.name}-{number}.wav", noise, 44_100)
    return made


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (5, 5), (9, 1), (0, 12), (40, 23)])
def test_the_sign_test_is_scipys(wins: int, losses: int) -> None:
    expected = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert sign_test(wins, losses) == pytest.approx(expected)


def test_answers_say_which_folder_was_kept_and_outlive_the_server(tmp_path: Path) -> None:
    compared = folders(tmp_path)
    test = BlindTest(*compared, tmp_path / "answers.csv")
    assert {pair.first for pair in test.pairs} == {"a", "b"}  # neither folder always comes first
    for number, pair in enumerate(test.pairs[:4]):
        test.answer(number, 1 if pair.first == "b" else 2)  # always the second folder
    again = BlindTest(*compared, tmp_path / "answers.csv")
    assert again.pairs == test.pairs
    assert again.result()["b"] == 4
    rows = list(csv.DictReader((tmp_path / "answers.csv").open()))
    assert all(row["kept"] == "b" and row["file_b"].startswith("right") for row in rows)


def test_a_pair_is_answered_once_and_an_answer_that_cannot_be_written_again(tmp_path: Path) -> None:
    answers = tmp_path / "answers.csv"
    test = BlindTest(*folders(tmp_path), answers)
    text = answers.read_bytes()
    answers.unlink()
    answers.mkdir()
    with pytest.raises(FourfloorError, match="answer again"):
        test.answer(0, 1)
    answers.rmdir()
    answers.write_bytes(text)
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda place: test.answer(0, place), [1, 2, 0, 1, 2, 0, 1, 2])) == [False] * 7 + [True]
    rows = list(csv.DictReader(answers.open()))
    assert [row["kept"] for row in rows] == [test.kept[0]]


def test_a_torn_or_foreign_line_of_the_answers_is_skipped(tmp_path: Path) -> None:
    compared, answers = folders(tmp_path), tmp_path / "answers.csv"
    test = BlindTest(*compared, answers)
    test.answer(0, 0)
    kept = answers.read_bytes()
    answers.write_bytes(kept + b"\r\n\xff\xfe,1\r\n" + kept[-30:-9].replace(b"neither", b"maybe"))
    again = BlindTest(*compared, answers)
    assert again.kept == {0: "neither"}
    again.answer(1, 1)
    assert set(BlindTest(*compared, answers).kept) == {0, 1}


def test_both_loops_of_a_pair_are_equally_loud_and_carry_no_tags(tmp_path: Path) -> None:
    test = BlindTest(*folders(tmp_path, 1), tmp_path / "answers.csv")
    sent = [blind._leveled(test.pairs[0].file(place)) for place in (1, 2)]
    waves = [soundfile.read(io.BytesIO(content))[0].T.astype(np.float32) for content in sent]
    loudness = [audio.loudness_lufs(wave, 44_100) for wave in waves]
    assert loudness == pytest.approx([blind.LOUDNESS_LUFS] * 2, abs=0.05)
    assert all(b"left" not in content and b"right" not in content for content in sent)


def test_a_folder_without_audio_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FourfloorError, match="holds no audio"):
        BlindTest(tmp_path, tmp_path, tmp_path / "answers.csv")
    left, _ = folders(tmp_path, 1)
    with pytest.raises(FourfloorError, match="was given twice; name two different folders"):
        BlindTest(left, left.parent / "." / left.name, tmp_path / "answers.csv")


def test_a_person_answers_on_the_page(empty_page: Any, tmp_path: Path) -> None:
    left, right = folders(tmp_path, 2)
    page, studio = empty_page, Studio(tmp_path / "library", options=["--blind", str(left), str(right)])
    try:
        page.goto(studio.address + "blind")
        for number in (1, 2):
            page.get_by_text(f"Pair {number} of 2").wait_for()
            for place in (1, 2):
                assert page.locator("[data-keep='1']").is_disabled()
                page.click(f"#play-{place}")
                page.wait_for_selector(f"#play-{place}[aria-pressed=true]")
            page.click("[data-keep='1']")
            for theme in ("dark", "light"):
                page.emulate_media(color_scheme=theme)
                assert faults(page) == []
        page.wait_for_selector("#result:not([hidden])")
        assert "p = 1" in page.locator("#result").text_content() or "p = 0.5" in page.locator("#result").text_content()
    finally:
        page.goto("about:blank")  # the server waits for its visitors
        studio.stop()


def test_the_routes_are_there_only_in_a_blind_test(tmp_path: Path) -> None:
    app = FastAPI()
    blind.add_routes(app, BlindTest(*folders(tmp_path, 1), tmp_path / "answers.csv"), Page())
    assert "/api/blind/{number}" in app.openapi()["paths"]
