"""Disks that are full, refuse, or lie: a loop is written whole or not at all, and the one before it stays."""

import errno
import os
import resource
from pathlib import Path

import numpy as np
import pytest
from conftest import house_loop

from fourfloor import audio


def limited_write(path: Path, limit: int, loop: np.ndarray) -> str:
    """Write a loop where no file may be longer than `limit` bytes, as on a full disk; return the refusal."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(audio.AudioError) as caught:
            audio.write_loop(path, loop, audio.LoopTags(bpm=126, bars=1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    return str(caught.value)


def test_a_full_disk_leaves_no_half_a_loop(tmp_path):
    loop = house_loop()
    tags = audio.LoopTags(bpm=126, bars=1)
    path = tmp_path / "loop.wav"
    audio.write_loop(path, loop, tags)
    whole = path.read_bytes()
    for limit in (0, 1, 44, 4096, len(whole) // 2, len(whole) - 1):
        assert "cannot be written" in limited_write(path, limit, 0.5 * loop)
        assert "cannot be written" in limited_write(tmp_path / "new.wav", limit, loop)
        assert path.read_bytes() == whole
        assert [entry.name for entry in tmp_path.iterdir()] == ["loop.wav"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_at_any_step_leaves_nothing(tmp_path, monkeypatch, call):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(audio.AudioError, match="No space left on device"):
        audio.write_loop(tmp_path / "loop.wav", house_loop(), audio.LoopTags(bpm=126, bars=1))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_returns_other_bytes_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"rotten")
    with pytest.raises(audio.AudioError, match="other bytes"):
        audio.write_loop(tmp_path / "loop.wav", house_loop(), audio.LoopTags(bpm=126, bars=1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["missing/loop.wav", "file/loop.wav", "folder.wav", "x" * 300 + ".wav"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, place):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(audio.AudioError, match="cannot be written") as caught:
        audio.write_loop(tmp_path / place, house_loop(), audio.LoopTags(bpm=126, bars=1))
    assert "\n" not in str(caught.value)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder.wav"]
