"""Packs: what is written is the audio that was given, named and placed as programs want it, whole or not at all."""

import contextlib
import json
import os
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import soundfile
from conftest import house_loop

import fourfloor as ff
from fourfloor import audio
from fourfloor.errors import FourfloorError
from fourfloor.packs import PackLoop, find_loops, pack
from fourfloor.packs.folder import files_in
from fourfloor.workspace import Workspace

from .packed import write


def test_a_pack_holds_the_audio_to_the_bit_under_plain_names(loops: Path, tmp_path: Path) -> None:
    report = pack([loops], tmp_path / "Pack 1", formats=[])
    assert audio.find_audio([tmp_path / "Pack 1"])[0] == []  # its loops are in it several times
    assert report.loops == ("Pack-1_01_126bpm_Fsharpmin", "Pack-1_02_124p5bpm")
    out = tmp_path / "Pack 1"
    for name, source in zip(report.loops, sorted(loops.glob("*.wav")), strict=True):
        written, _ = soundfile.read(out / "loops" / f"{name}.wav", dtype="int32")
        assert (written == soundfile.read(source, dtype="int32")[0]).all()
        tags, given = audio.read_tags(out / "loops" / f"{name}.wav"), audio.read_tags(source)
        assert tags is not None
        assert given is not None
        assert (tags.bpm, tags.bars, tags.key, tags.comment) == (given.bpm, given.bars, given.key, given.comment)
    stems = [audio.decode(path) for path in sorted((out / "stems").iterdir())]
    assert np.abs(sum(stems) - audio.decode(out / "loops" / f"{report.loops[0]}.wav")).max() <= 2.0**-23
    assert sorted(path.name for path in (out / "stems").iterdir()) == [
        "Pack-1_01_126bpm_Fsharpmin_bass.wav", "Pack-1_01_126bpm_Fsharpmin_kick.wav"]  # fmt: skip


def test_every_format_is_written_and_listed_and_the_bytes_are_the_same_again(loops: Path, tmp_path: Path) -> None:
    report = pack([loops], tmp_path / "one" / "demo", license="CC0")
    again = pack([loops], tmp_path / "two" / "demo", license="CC0")
    assert report.files == again.files
    assert set(json.loads((tmp_path / "one/demo/pack.json").read_text())["files"]) | {"pack.json"} == set(report.files)
    place = {"pack.json", "rekordbox.xml"}  # they name where the pack lies
    for name in set(report.files) - place:
        assert (tmp_path / "one/demo" / name).read_bytes() == (tmp_path / "two/demo" / name).read_bytes(), name
    assert all("." not in Path(name).name.rpartition(".")[0] for name in report.files)
    kinds = {Path(name).suffix for name in report.files}
    assert kinds == {
        ".wav", ".flac", ".mid", ".dawproject", ".sfz", ".dspreset", ".sf2", ".h2drumkit", ".h2song", ".it", ".json",
        ".js", ".tidal", ".scd", ".csd", ".pd", ".ck", ".rb", ".xml", ".csv", ".html", ".png"}  # fmt: skip


def test_only_the_formats_asked_for_are_written(loops: Path, tmp_path: Path) -> None:
    report = pack([loops], tmp_path / "demo", formats=["csv", "wav", "csv"])
    assert {Path(name).parts[0] for name in report.files} == {"loops", "stems", "loops.csv", "pack.json"}


def test_a_zip_holds_the_folder_and_has_the_same_bytes_again(loops: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        report = pack([loops], tmp_path / name / "demo.zip", as_zip=True, formats=["sfz", "rekordbox"])
    assert (tmp_path / "a/demo.zip").read_bytes() == (tmp_path / "b/demo.zip").read_bytes()
    assert "no rekordbox.xml" in report.notes[0]
    with zipfile.ZipFile(tmp_path / "a/demo.zip") as archive:
        assert sorted(archive.namelist()) == sorted(f"demo/{name}" for name in report.files)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["demo.zip"]


def test_a_zip_gets_the_extension_that_its_name_lacks(loops: Path, tmp_path: Path) -> None:
    (tmp_path / "v1.2").mkdir()  # a folder of that name is not in the way
    report = pack([loops], tmp_path / "v1.2", as_zip=True, formats=["csv"])
    assert report.out == tmp_path / "v1.2.zip"
    assert zipfile.is_zipfile(report.out)
    assert pack([loops], tmp_path / "UP.ZIP", as_zip=True, formats=["csv"]).out.name == "UP.ZIP"


def test_a_pack_is_replaced_only_on_request_and_nothing_else_is(loops: Path, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    pack([loops], out, formats=["csv"])
    with pytest.raises(FourfloorError, match="a pack is there already; choose another --out or pass --overwrite"):
        pack([loops], out)
    pack([loops / "b.wav"], out, formats=["html"], overwrite=True)
    assert (out / "index.html").exists()
    assert not (out / "loops.csv").exists()
    (out / "mine.txt").touch()
    with pytest.raises(FourfloorError, match=r"holds mine\.txt, which is not part of the pack"):
        pack([loops], out, overwrite=True)
    with pytest.raises(FourfloorError, match="is a folder without a pack in it"):
        pack([loops], loops, overwrite=True)
    with pytest.raises(FourfloorError, match="is not a folder"):
        pack([loops], out / "mine.txt", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo", "in"]


@pytest.mark.parametrize("moved", [0, 1, 3])
def test_a_pack_that_was_killed_while_it_took_its_place_is_completed(
    loops: Path, tmp_path: Path, moved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, link = tmp_path / "demo", tmp_path / "link"
    link.symlink_to(out)
    expected = pack([loops / "b.wav"], tmp_path / "expected", name="demo", formats=["html"]).files
    pack([loops], out, formats=["sfz"])
    identity, replace, left = os.stat(out).st_ino, os.replace, [moved]

    def die(source: Path, target: Path) -> None:
        if Path(target).is_relative_to(out) and not Path(target).name.startswith("."):
            if not left[0]:
                raise SystemExit
            left[0] -= 1
        replace(source, target)

    with monkeypatch.context() as patch, contextlib.suppress(SystemExit):
        patch.setattr(os, "replace", die)
        pack([loops / "b.wav"], link, name="demo", formats=["html"], overwrite=True)
    with pytest.raises(FourfloorError, match="a pack is there already"):
        pack([loops], out)
    assert files_in(out) == sorted(expected)
    assert sorted(path.name for path in out.iterdir()) == ["index.html", "loops", "pack.json", "pictures"]  # no "sfz"
    assert os.stat(out).st_ino == identity
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo", "expected", "in", "link"]


def test_a_pack_that_was_killed_while_it_was_written_leaves_nothing_behind(loops: Path, tmp_path: Path) -> None:
    for as_zip in (True, False):
        out = tmp_path / ("demo.zip" if as_zip else "demo")
        place = Workspace(out, frozenset())
        (place.new / "half.wav").write_bytes(b"half")
        place._lock.release()  # as the system does for a process that is killed
        pack([loops], out, formats=["csv"], as_zip=as_zip)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo", "demo.zip", "in"]


def test_anybody_s_loop_is_taken_by_its_name_or_a_given_tempo(tmp_path: Path) -> None:
    loop = house_loop(128, 2)
    soundfile.write(tmp_path / "SPL_128_BPM_x.flac", loop.T[:-3], 44_100, subtype="PCM_16")
    soundfile.write(tmp_path / "untold.wav", soxr_free_48k(), 48_000, subtype="PCM_24")
    named = find_loops([tmp_path / "SPL_128_BPM_x.flac"])[0]
    assert (named.bpm, named.bars, named.title) == (128.0, 2, "SPL_128_BPM_x")
    report = pack([named, *find_loops([tmp_path / "untold.wav"], bpm=120)], tmp_path / "out", formats=[])
    assert report.notes == ("out_01_128bpm is 3 samples shorter than 2 bars at 128 BPM",)
    assert audio.probe(tmp_path / "out/loops/out_02_120bpm.wav").sample_rate == 48_000


def soxr_free_48k() -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (4 * 24_000, 1)).astype(np.float32)


def test_a_loop_can_be_described_in_full(tmp_path: Path) -> None:
    source = write(tmp_path / "x.wav", 126, 2)
    loop = PackLoop(path=source, bpm=126, bars=2, key="Amin", stems={"all of it": source})
    assert pack([loop], tmp_path / "demo", formats=[]).files[2] == "stems/demo_01_126bpm_Amin_all-of-it.wav"
    with pytest.raises(FourfloorError, match="does not last 1 bars at 126 BPM"):
        pack([PackLoop(path=source, bpm=126, bars=1)], tmp_path / "other")


def test_stems_and_midi_are_made_where_they_are_asked_for_and_missing(loops: Path, tmp_path: Path) -> None:
    report = ff.pack([loops], tmp_path / "demo", formats=["midi"], stems=True, midi=True)
    first, second = report.loops
    stems = [name for name in report.files if name.startswith("stems/")]
    assert [name for name in stems if first in name] == [
        f"stems/{first}_bass.wav",
        f"stems/{first}_kick.wav",
    ]  # as given
    made = [f"stems/{second}_{name}.wav" for name in ("bass", "drums", "kick", "music")]
    assert [name for name in stems if second in name] == made
    summed = sum(soundfile.read(tmp_path / "demo" / name, dtype="int32")[0].astype(np.int64) >> 8 for name in made)
    assert np.array_equal(summed, soundfile.read(loops / "b.wav", dtype="int32")[0].astype(np.int64) >> 8)
    assert {name for name in report.files if name.endswith(".mid")} == {f"midi/{name}.mid" for name in report.loops}
    assert sorted(path.name for path in loops.iterdir()) == [
        "a <b> & c.mid",
        "a <b> & c.wav",
        "a <b> & c_stems",
        "b.wav",
    ]


def test_a_file_that_is_named_twice_is_packed_once(loops: Path, tmp_path: Path) -> None:
    both = pack([loops, loops / "b.wav"], tmp_path / "both", formats=["SFZ ", "sfz"])
    assert len(both.loops) == len(pack([loops], tmp_path / "one", formats=["sfz"]).loops)
    assert [file for file in both.files if file.startswith("sfz/")]


def test_notes_are_found_by_any_of_their_names_and_held_against_the_loop(tmp_path: Path) -> None:
    mido = pytest.importorskip("mido")
    audio.write_loop(tmp_path / "x_124p5bpm.wav", house_loop(124.5, 1), None)
    file = mido.MidiFile(ticks_per_beat=96)
    file.tracks.append(
        mido.MidiTrack(
            [
                mido.MetaMessage("track_name", name="kick\x01\x00s"),
                mido.MetaMessage("set_tempo", tempo=500_000),
                mido.MetaMessage("time_signature", numerator=3, denominator=4),
                mido.Message("note_on", note=36, velocity=90, channel=9),
                mido.Message("note_off", note=36, time=48),
            ]
        )
    )
    file.save(tmp_path / "x_124p5bpm.MID")
    report = pack([tmp_path / "x_124p5bpm.wav"], tmp_path / "demo", formats=["midi", "dawproject", "hydrogen"])
    assert "midi/demo_01_124p5bpm.mid" in report.files
    assert report.notes[:2] == (
        "the MIDI file of demo_01_124p5bpm has 120 BPM, its loop 124.5",
        "the MIDI file of demo_01_124p5bpm is in 3/4, its loop in 4/4",
    )
    with zipfile.ZipFile(tmp_path / "demo" / "demo.dawproject") as archive:
        names = [track.get("name") for track in ET.fromstring(archive.read("project.xml")).iter("Track")]
    assert "demo_01_124p5bpm kick\\x01\\x00s" in names


def test_a_pack_may_lie_under_a_name_that_is_not_unicode(loops: Path, tmp_path: Path) -> None:
    home = Path(os.fsdecode(os.fsencode(tmp_path) + b"/p\xff"))
    home.mkdir()
    pack([loops], home / "demo", formats=["rekordbox"])
    assert "/p%FF/demo/loops/" in (home / "demo" / "rekordbox.xml").read_text()
