"""The library: rows outlive the process, deleting is undone, and nobody else writes in it."""

import sqlite3
from pathlib import Path

import pytest

from fourfloor.errors import FourfloorError
from fourfloor.studio.collection import DATABASE, Library

SEED = str(2**63 - 1)


def row(name: str = "a-0") -> dict[str, object]:
    return {"id": name, "title": "<b>loud</b>", "bpm": 126.0, "bars": 4, "seed": SEED, "faults": ["copy"]}


def test_rows_are_there_when_the_library_is_opened_again(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.add_loop(row())
    library.change_loop("a-0", {"loved": True, "tags": ["dark", "née"]})
    library.close()
    again = Library(tmp_path).loop("a-0")
    assert (again["seed"], again["faults"], again["tags"], again["loved"]) == (SEED, ["copy"], ["dark", "née"], 1)


def test_a_deleted_loop_comes_back_with_all_that_was_said_of_it(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.add_loop(row())
    library.change_loop("a-0", {"loved": True})
    library.change_loop("a-0", {"deleted_at": 5.0})
    assert library.loops() == []
    assert [loop["id"] for loop in library.loops(deleted=True)] == ["a-0"]
    library.change_loop("a-0", {"deleted_at": None})
    assert library.loops()[0]["loved"] == 1


def test_a_loop_that_is_told_twice_keeps_what_was_said_of_it(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.add_loop(row())
    library.change_loop("a-0", {"loved": True})
    assert library.add_loop(row())["loved"] == 1


def test_what_made_a_loop_cannot_be_changed(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.add_loop(row())
    assert library.change_loop("a-0", {"seed": "1", "id": "b"})["seed"] == SEED


def test_a_library_is_served_once(tmp_path: Path) -> None:
    library = Library(tmp_path)
    with pytest.raises(FourfloorError, match="another studio"):
        Library(tmp_path)
    library.close()
    Library(tmp_path).close()


def test_a_library_of_a_newer_version_is_refused_and_untouched(tmp_path: Path) -> None:
    Library(tmp_path).close()
    database = sqlite3.connect(tmp_path / DATABASE)
    database.execute("pragma user_version = 99")
    database.commit()
    database.close()
    with pytest.raises(FourfloorError, match="newer fourfloor"):
        Library(tmp_path)


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database at all" * 100)
    with pytest.raises(FourfloorError, match="cannot be used"):
        Library(tmp_path)
    assert (tmp_path / DATABASE).read_bytes().startswith(b"no database")


def test_a_library_of_the_first_version_is_brought_up_to_date_and_keeps_its_loops(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.add_loop(row())
    library.close()
    database = sqlite3.connect(tmp_path / DATABASE)
    database.executescript("alter table loops drop column parts; drop table grid; pragma user_version = 1")
    database.close()
    library = Library(tmp_path)
    assert library.loop("a-0")["parts"] == {}
    assert library.add_parts("a-0", {"midi": {"kick": 4}})["parts"] == {"midi": {"kick": 4}}
    assert library.add_parts("a-0", {"stems": {}})["parts"] == {"midi": {"kick": 4}, "stems": {}}


def test_the_clip_grid_outlives_the_process(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.place_on_grid(3, "a-0")
    library.place_on_grid(3, "b-0")
    library.place_on_grid(4, "a-0")
    library.place_on_grid(4, None)
    library.close()
    assert Library(tmp_path).grid() == {3: "b-0"}
