"""What is made in hiding touches nothing of the user's, follows links, and is in its place whole or not at all."""

import contextlib
import errno
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fourfloor import workspace
from fourfloor.errors import FourfloorError
from fourfloor.workspace import Workspace, finish_interrupted, visible_names

OURS = frozenset(["a.txt", "b.txt", "c.txt"])


def make(out: Path, **content: str) -> None:
    with Workspace(out, OURS) as work:
        for name, text in content.items():
            (work.new / f"{name}.txt").write_text(text)
        work.place()


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_new_folder_appears_and_an_old_one_is_replaced(tmp_path: Path) -> None:
    make(tmp_path / "deep" / "x", a="1", b="1")
    assert tree(tmp_path) == {"deep/x/a.txt": "1", "deep/x/b.txt": "1"}
    (tmp_path / "deep" / "x" / "mine.txt").write_text("mine")
    identity = os.stat(tmp_path / "deep" / "x").st_ino
    make(tmp_path / "deep" / "x", b="2", c="2")
    assert tree(tmp_path) == {"deep/x/b.txt": "2", "deep/x/c.txt": "2", "deep/x/mine.txt": "mine"}
    assert os.stat(tmp_path / "deep" / "x").st_ino == identity  # the folder itself, its owner and mode, stays


def test_what_does_not_carry_the_mark_is_not_touched(tmp_path: Path) -> None:
    for name in ("x.old", "x.partial", ".x.partial", "x.rendering"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text(name)
    before = tree(tmp_path)
    make(tmp_path / "x", a="1")
    make(tmp_path / "x", a="2")
    assert tree(tmp_path) == before | {"x/a.txt": "2"}
    (tmp_path / ".x.fourfloor").mkdir()
    (tmp_path / ".x.fourfloor" / "mine.txt").write_text("mine")
    with pytest.raises(FourfloorError, match="move it away first"):
        make(tmp_path / "x", a="3")
    assert tree(tmp_path) == before | {"x/a.txt": "2", ".x.fourfloor/mine.txt": "mine"}


def test_what_a_person_sees_of_a_folder(tmp_path: Path) -> None:
    for name in ("song.wav", ".DS_Store", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "lost+found").mkdir()
    assert visible_names(tmp_path) == {"song.wav"}


def test_nothing_stays_of_what_is_not_placed(tmp_path: Path) -> None:
    with contextlib.suppress(KeyboardInterrupt), Workspace(tmp_path / "deep" / "x", OURS) as work:
        (work.new / "a.txt").write_text("1")
        (work.scratch / "part").write_text("1")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_scratch_is_kept_for_the_next_run_where_asked(tmp_path: Path) -> None:
    for expected in (["part"], ["part"], []):
        with contextlib.suppress(KeyboardInterrupt), Workspace(tmp_path / "x", OURS, keep_scratch=True) as work:
            (work.scratch / "part").write_text("1")
            (work.new / "a.txt").write_text("1")
            if not expected:
                work.place()
            raise KeyboardInterrupt
        hidden = tmp_path / ".x.fourfloor" / "scratch"
        assert sorted(os.listdir(hidden) if hidden.exists() else []) == expected
    assert tree(tmp_path) == {"x/a.txt": "1"}


def test_scratch_without_anything_in_it_is_not_kept(tmp_path: Path) -> None:
    with contextlib.suppress(KeyboardInterrupt), Workspace(tmp_path / "x", OURS, keep_scratch=True):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "empty", "dangling", "chain"])
def test_links_are_followed(tmp_path: Path, kind: str) -> None:
    real, link = tmp_path / "disk" / "real", tmp_path / "link"
    (tmp_path / "disk").mkdir()
    if kind != "dangling":
        real.mkdir()
    if kind == "folder":
        make(real, a="0", b="0")
    if kind == "chain":
        (tmp_path / "other").symlink_to(real)
    link.symlink_to(tmp_path / "other" if kind == "chain" else real)
    make(link, a="1")
    assert link.is_symlink()
    assert tree(tmp_path / "disk") == {"real/a.txt": "1"}
    assert sorted(os.listdir(tmp_path / "disk")) == ["real"]


def test_a_loop_of_links_and_a_way_through_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "file").write_text("")
    for out in ("a", "file/x", "x" * 250):
        with pytest.raises(FourfloorError, match=r"cannot be (used|written)") as caught:
            Workspace(tmp_path / out, OURS)
        assert "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "file"]


@pytest.mark.parametrize("error", [errno.EXDEV, errno.EACCES, errno.EROFS])
def test_where_renaming_is_impossible_it_is_made_inside(
    tmp_path: Path, error: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a mount point, or a folder whose parent may not be written."""
    out, replace = tmp_path / "x", os.replace
    out.mkdir()
    (out / "lost+found").mkdir()
    seen: list[str] = []

    def refuse(source: Path, target: Path) -> None:
        if ".x.fourfloor" in str(source) and ".x.fourfloor" not in str(target):
            raise OSError(error, os.strerror(error))
        seen.append(str(source))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    make(out, a="1")
    make(out, b="2")
    assert any("x/.fourfloor/new" in source for source in seen)
    assert tree(tmp_path) == {"x/b.txt": "2"}
    assert sorted(os.listdir(out)) == ["b.txt", "lost+found"]
    assert os.listdir(tmp_path) == ["x"]


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """Lend a folder that is a file system of its own."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True).returncode:
        pytest.skip("only root mounts file systems, and not everywhere")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_mount_point_is_written_inside(mounted: Path) -> None:
    make(mounted, a="1", b="1")
    make(mounted, a="2")
    assert tree(mounted) == {"a.txt": "2"}
    assert os.listdir(mounted) == ["a.txt"]
    assert os.listdir(mounted.parent) == ["mounted"]


def test_two_do_not_write_one_folder(tmp_path: Path) -> None:
    with Workspace(tmp_path / "x", OURS) as work:
        (work.new / "a.txt").write_text("1")
        (tmp_path / "link").symlink_to(tmp_path / "x")
        for name in ("x", "link"):
            with pytest.raises(FourfloorError, match="another process is writing it"):
                Workspace(tmp_path / name, OURS)
        work.place()
    make(tmp_path / "x", a="2")
    assert tree(tmp_path) == {"x/a.txt": "2", "link/a.txt": "2"} or tree(tmp_path / "x") == {"a.txt": "2"}


def interrupted(out: Path, monkeypatch: pytest.MonkeyPatch, moved: int, **content: str) -> None:
    """Place files as a process does that dies after it moved some of them."""
    replace, left = os.replace, moved + 1  # one for the notes

    def die(source: Path, target: Path) -> None:
        nonlocal left
        if "new" in str(source) and ".fourfloor-" not in str(source):
            left -= 1
            if left <= 0:
                raise SystemExit
        replace(source, target)

    with monkeypatch.context() as patch, contextlib.suppress(SystemExit), Workspace(out, OURS) as work:
        for name, text in content.items():
            (work.new / f"{name}.txt").write_text(text)
        patch.setattr(os, "replace", die)
        work.place()


@pytest.mark.parametrize("moved", [0, 1])
def test_what_was_interrupted_is_done_by_the_next(tmp_path: Path, moved: int, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "x"
    for finish in (lambda: finish_interrupted(out, OURS), lambda: make(out, a="3", b="3")):
        make(out, a="1", c="1")
        interrupted(out, monkeypatch, moved, a="2", b="2")
        assert (tmp_path / ".x.fourfloor" / "placing.json").exists()
        finish_interrupted(out, OURS)
        assert tree(tmp_path) == {"x/a.txt": "2", "x/b.txt": "2"}
        finish()
    assert tree(tmp_path) == {"x/a.txt": "3", "x/b.txt": "3"}


def test_notes_of_others_reach_no_other_file(tmp_path: Path) -> None:
    """A downloaded folder may hold anything, also notes that name files elsewhere."""
    out = tmp_path / "x"
    place = out / ".fourfloor"
    (place / "new").mkdir(parents=True)
    (place / "README.txt").write_text("")
    (tmp_path / "mine.txt").write_text("mine")
    (out / "other.txt").write_text("other")
    for notes in ('["../../mine.txt", "../mine.txt", 7, "other.txt"]', "[[[", '{"a": 1}', "7"):
        place.mkdir(exist_ok=True)
        (place / "README.txt").write_text("")
        (place / "placing.json").write_text(notes)
        with contextlib.suppress(FourfloorError):
            finish_interrupted(out, OURS)
        assert (tmp_path / "mine.txt").read_text() == "mine"
        assert (out / "other.txt").read_text() == "other"


def test_a_full_disk_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    make(tmp_path / "x", a="1")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FourfloorError, match=r"x: cannot be written \(No space left on device\)"):
        Workspace(tmp_path / "x", OURS)
    assert tree(tmp_path) == {"x/a.txt": "1"}


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o755), (0o002, 0o775), (0o077, 0o700)])
def test_the_umask_decides_who_may_read(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        make(tmp_path / "x", a="1")
    finally:
        os.umask(before)
    assert os.stat(tmp_path / "x").st_mode & 0o777 == mode
    assert json.dumps(tree(tmp_path)) == '{"x/a.txt": "1"}'


def test_a_path_is_resolved_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    make(Path("."), a="1")
    assert tree(tmp_path) == {"x/a.txt": "1"}
    assert workspace.visible_names(tmp_path / "x") == {"a.txt"}
