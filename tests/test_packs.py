"""Packs: what is written is the audio that was given, named and placed as programs want it, whole or not at all."""

import contextlib
import itertools
import json
import os
import struct
import tarfile
import zipfile
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import soundfile
from conftest import house_loop

import fourfloor as ff
from fourfloor import audio
from fourfloor.errors import FourfloorError
from fourfloor.packs import FORMATS, PackLoop, find_loops, pack
from fourfloor.packs.folder import files_in
from fourfloor.producer import midi
from fourfloor.producer.score import Event
from fourfloor.workspace import Workspace

KICKS = [Event(instrument="kick", start=beat, duration=0.25, pitch=36, velocity=1.0) for beat in range(4)]
BASS = [Event(instrument="bass", start=0.5, duration=0.5, pitch=33, velocity=0.5)]


def write(path: Path, bpm: float = 126.0, bars: int = 1, key: str | None = "F#min", comment: str = "") -> Path:
    loop = house_loop(bpm, bars)
    audio.write_loop(path, loop, audio.LoopTags(bpm=bpm, bars=bars, title=path.stem, key=key, comment=comment))
    return path


@pytest.fixture
def loops(tmp_path: Path) -> Path:
    """Return a folder of two loops, the first with stems and MIDI."""
    folder = tmp_path / "in"
    folder.mkdir()
    first = write(folder / "a <b> & c.wav", comment=json.dumps({"seed": 7, "style": "house", "model": "w"}))
    write(folder / "b.wav", 124.5, key=None)
    stems = folder / f"{first.stem}_stems"
    stems.mkdir()
    waveform = audio.decode(first)
    for name, share in ((f"{first.stem}_kick", 0.75), ("bass", 0.25)):
        audio.write_loop(stems / f"{name}.wav", waveform * np.float32(share), None)
    midi.write_midi(first.with_suffix(".mid"), KICKS + BASS, 126, 1)
    return folder


def test_a_pack_holds_the_audio_to_the_bit_under_plain_names(loops: Path, tmp_path: Path) -> None:
    report = pack([loops], tmp_path / "Pack 1", formats=[])
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


def test_a_soundfont_goes_on_for_eight_samples_on_both_sides_of_its_loop(loops: Path, tmp_path: Path) -> None:
    pack([loops], tmp_path / "demo", formats=["sf2"])
    font = (tmp_path / "demo/soundfont/demo.sf2").read_bytes()
    at = font.index(b"smpl")
    samples = np.frombuffer(font, "<i2", offset=at + 8, count=int.from_bytes(font[at + 4 : at + 8], "little") // 2)
    headers = list(struct.iter_unpack("<20s5IBbHH", font[font.index(b"shdr") + 8 :][:184]))[:4]
    for number, (_, start, end, begin, over, rate, *_) in enumerate(headers):
        loop = audio.decode(sorted(loops.glob("*.wav"))[number // 2])[number % 2]
        assert (begin - start, over - begin, end - over, rate) == (8, len(loop), 8, 44_100)
        assert np.abs(samples[start:end] / 32_768 - np.resize(loop, len(loop) + 16)).max() <= 2.0**-15


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


@pytest.mark.parametrize("name", ["../mine.txt", "/etc/passwd", 7])
def test_a_manifest_that_names_other_places_is_no_pack(loops: Path, tmp_path: Path, name: object) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "pack.json").write_text(json.dumps({"files": [name]}))
    with pytest.raises(FourfloorError, match="is a folder without a pack in it"):
        pack([loops], tmp_path / "demo", overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"formats": ["sfz", "mp4"]}, "format 'mp4' is unknown: choose from all, wav, flac, midi"),
        ({"name": "a/b"}, "name 'a/b' does not fit every program"),
        ({"name": "x.y"}, "name 'x.y' does not fit every program"),
        ({"formats": [""]}, "format '' is unknown"),
        ({"license": "CC0\nmine"}, "license: give one line"),
        ({"bpm": 0}, "bpm 0 is outside 20-999"),
        ({"bpm": 100}, r"a <b> & c\.wav: 1\.905 s are 0\.794 bars at 100 BPM; .* \(--bpm 126 makes 1\)"),
    ],
)
def test_a_wrong_request_is_one_line_and_leaves_nothing(loops: Path, tmp_path: Path, arguments, message) -> None:
    with pytest.raises(FourfloorError, match=message) as caught:
        pack([loops], tmp_path / "demo", **arguments)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def broken_midi(path: Path) -> None:
    (path / "b.mid").write_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x09\0\x90")


def broken_key(path: Path) -> None:
    track = b"\0\xff\x59\2\x09\5\0\xff\x2f\0"  # nine sharps, in a mode that is neither major nor minor
    (path / "b.mid").write_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk" + len(track).to_bytes(4, "big") + track)


def short_stem(path: Path) -> None:
    (path / "b_stems").mkdir()
    audio.write_loop(path / "b_stems" / "kick.wav", house_loop(124.5, 1)[:, :-1], None)


def no_tempo(path: Path) -> None:
    audio.write_loop(path / "b.wav", house_loop(124.5, 1), None)


def loud(path: Path) -> None:
    soundfile.write(path / "b.wav", house_loop(124.5, 1).T * 8, 44_100, subtype="FLOAT")
    (path / "b.wav").rename(path / "b_124.5bpm.wav")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (broken_midi, r"b\.mid: is not a MIDI file \("),
        (broken_key, r"b\.mid: is not a MIDI file \(Could not decode key with 9 sharps and mode 5\); export it again"),
        (short_stem, r"kick\.wav: has \d+ frames at 44100 Hz, its loop \d+ at 44100; export both alike"),
        (no_tempo, r"b\.wav: neither its tags nor its name give a tempo; pass --bpm"),
        (loud, r"b_124\.5bpm\.wav: peaks .* dB above full scale"),
    ],
)
def test_a_loop_that_does_not_fit_is_one_line_and_leaves_nothing(loops: Path, tmp_path: Path, damage, message) -> None:
    damage(loops)
    with pytest.raises(FourfloorError, match=message) as caught:
        pack([loops], tmp_path / "demo")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_full_disk_leaves_nothing(loops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fourfloor.packs.formats import sf2

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sf2, "write", full)
    with pytest.raises(FourfloorError, match=r"demo: cannot write the pack \(No space left on device\)"):
        pack([loops], tmp_path / "demo")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


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


def test_a_dawproject_has_the_tempo_and_a_looped_clip_for_each_loop_and_stem(loops: Path, tmp_path: Path) -> None:
    report = pack([loops], tmp_path / "demo", formats=["dawproject"])
    assert report.notes == ("demo.dawproject has 126 BPM; demo_02_124p5bpm (124.5) is stretched to it",)
    with zipfile.ZipFile(tmp_path / "demo/demo.dawproject") as archive:
        assert archive.testzip() is None
        project = ET.fromstring(archive.read("project.xml"))
        files = {name for name in archive.namelist() if name.startswith("audio/")}
    assert [tempo.get("value") for tempo in project.iterfind("Transport/Tempo")] == ["126.000000"]
    clips = list(project.iter("Clip"))
    assert [(*(float(c.get(name, "nan")) for name in ("time", "duration", "loopEnd")),) for c in clips] == [
        (0, 8, 4)] * 5 + [(8, 8, 4)]  # fmt: skip
    assert {file.get("path") for file in project.iter("File")} == files
    assert len(files) == 4
    assert [float(note.get("time", "nan")) for note in project.iter("Note")] == [0.5, 0, 1, 2, 3]
    muted = [mute.get("value") for mute in project.iter("Mute")]
    assert muted == ["false", "false", "true", "true", "false", "false", "false"]  # master, mix, stems, MIDI, mix


def test_a_dawproject_states_the_channels_of_each_file(loops: Path, tmp_path: Path) -> None:
    mono = audio.decode(loops / "b.wav")[:1]
    (loops / "b_stems").mkdir()
    audio.write_loop(loops / "b_stems" / "kick.wav", mono, None)
    pack([loops / "b.wav"], tmp_path / "demo", formats=["dawproject"])
    with zipfile.ZipFile(tmp_path / "demo/demo.dawproject") as archive:
        project = ET.fromstring(archive.read("project.xml"))
    assert [file.get("channels") for file in project.iter("Audio")] == ["2", "1"]


def test_hydrogen_s_kit_and_songs_state_the_license_of_the_pack(loops: Path, tmp_path: Path) -> None:
    pack([loops / "b.wav"], tmp_path / "demo", formats=["hydrogen"], license="CC0-1.0")
    with tarfile.open(tmp_path / "demo/hydrogen/demo.h2drumkit") as archive:
        kit = archive.extractfile("demo/drumkit.xml")
        assert kit is not None
        assert ET.fromstring(kit.read()).findtext("{*}license") == "CC0-1.0"
    song = ET.parse(tmp_path / "demo/hydrogen/demo_01_124p5bpm.h2song")
    assert song.findtext("license") == "CC0-1.0"


def test_slices_are_the_loop(tmp_path: Path) -> None:
    import re

    source = write(tmp_path / "x.wav", 124, 4)
    pack([source], tmp_path / "demo", formats=["sfz"])
    text = (tmp_path / "demo/sfz/demo_01_124bpm_Fsharpmin_slices.sfz").read_text()
    spans = [tuple(map(int, span)) for span in re.findall(r"offset=(\d+) end=(\d+)", text)]
    assert len(spans) == 64
    assert (spans[0][0], spans[-1][1]) == (0, 341_419 - 1)
    assert all(end + 1 == start for (_, end), (start, _) in itertools.pairwise(spans))


def test_a_hydrogen_kit_holds_the_loops_and_one_hit_of_each_drum(loops: Path, tmp_path: Path) -> None:
    pack([loops], tmp_path / "demo", formats=["hydrogen"])
    with tarfile.open(tmp_path / "demo/hydrogen/demo.h2drumkit") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path / "kit", filter="data")
    first = "demo_01_126bpm_Fsharpmin"
    assert names == [f"demo/{name}" for name in
                     ("drumkit.xml", f"{first}.wav", "demo_02_124p5bpm.wav", f"{first}_kick.wav")]  # fmt: skip
    hit = audio.decode(tmp_path / f"kit/demo/{first}_kick.wav")
    stem = audio.decode(tmp_path / f"demo/stems/{first}_kick.wav")
    assert abs(hit.shape[1] - 21_000) <= 1  # a beat
    assert min(np.abs(stem[:, at : at + 1000] - hit[:, :1000]).max() for at in (0, 21_000, 42_000, 63_000)) == 0
    song = ET.parse(tmp_path / f"demo/hydrogen/{first}.h2song")
    assert song.findtext("bpm") == "126"
    played = [(int(n.findtext("position", "-1")), n.findtext("instrument")) for n in song.iter("note")]
    assert played == [(0, "0"), (0, "2"), (48, "2"), (96, "2"), (144, "2")]


def test_a_page_asks_for_nothing_outside_and_shows_names_as_they_are(loops: Path, tmp_path: Path) -> None:
    import re

    pack([loops], tmp_path / "demo", formats=["html", "midi"], license="<script>")
    page = (tmp_path / "demo/index.html").read_text()
    for link in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert (tmp_path / "demo" / link).is_file(), link
    assert "a &lt;b&gt; &amp; c" in page
    assert "<script>" not in page
    assert "<dt>Seed</dt><dd>7</dd>" in page


def test_a_table_and_a_collection_give_the_tempo(loops: Path, tmp_path: Path) -> None:
    import csv

    pack([loops], tmp_path / "demo", formats=["csv", "rekordbox"], license="=1+1")
    with open(tmp_path / "demo/loops.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["bpm"], row["key"], row["seed"], row["stems"], row["midi"], row["license"]) for row in rows] == [
        ("126", "F#min", "7", "kick bass", "yes", "'=1+1"), ("124.5", "", "", "", "no", "'=1+1")]  # fmt: skip
    collection = ET.parse(tmp_path / "demo/rekordbox.xml")
    assert [tempo.get("Bpm") for tempo in collection.iter("TEMPO")] == ["126.00", "124.50"]
    location = next(track.get("Location") for track in collection.iterfind("COLLECTION/TRACK"))
    assert location == f"file://localhost{quote(str(tmp_path))}/demo/loops/demo_01_126bpm_Fsharpmin.wav"


def test_every_format_is_a_module_that_says_where_it_was_tried() -> None:
    import importlib
    import pkgutil

    from fourfloor.packs import formats

    names = {module.name for module in pkgutil.iter_modules(formats.__path__)}
    assert names == set(FORMATS)
    for name in names - {"csv"}:
        text = " ".join((importlib.import_module(f"fourfloor.packs.formats.{name}").__doc__ or "").split())
        assert any(word in text for word in ("Tried with", "Looked at in", "Not run")), name


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


def test_a_loop_that_cannot_be_taken_apart_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "mono 126bpm.wav", house_loop(126.0, 1)[0], 44_100)
    with pytest.raises(FourfloorError, match="mono") as refused:
        ff.pack(tmp_path / "mono 126bpm.wav", tmp_path / "demo", stems=True)
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["mono 126bpm.wav"]


def test_a_file_that_is_named_twice_is_packed_once(loops: Path, tmp_path: Path) -> None:
    both = pack([loops, loops / "b.wav"], tmp_path / "both", formats=["SFZ ", "sfz"])
    assert len(both.loops) == len(pack([loops], tmp_path / "one", formats=["sfz"]).loops)
    assert [file for file in both.files if file.startswith("sfz/")]


def test_a_pack_is_not_replaced_by_its_own_loops(loops: Path, tmp_path: Path) -> None:
    pack([loops], tmp_path / "demo", formats=["csv"])
    before = files_in(tmp_path / "demo")
    with pytest.raises(FourfloorError, match="the loops lie in this pack, which would be replaced"):
        pack([tmp_path / "demo" / "loops"], tmp_path / "demo", overwrite=True)
    assert files_in(tmp_path / "demo") == before


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


def test_stems_that_differ_by_case_alone_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x_124bpm_stems").mkdir()
    for path in (
        tmp_path / "x_124bpm.wav",
        *(tmp_path / "x_124bpm_stems" / f"{name}.wav" for name in ("Kick", "kick")),
    ):
        audio.write_loop(path, house_loop(124, 1), None)
    with pytest.raises(FourfloorError, match="two of its stems have one name but for special characters or case"):
        pack([tmp_path / "x_124bpm.wav"], tmp_path / "demo", formats=[])


def test_a_pack_may_lie_under_a_name_that_is_not_unicode(loops: Path, tmp_path: Path) -> None:
    home = Path(os.fsdecode(os.fsencode(tmp_path) + b"/p\xff"))
    home.mkdir()
    pack([loops], home / "demo", formats=["rekordbox"])
    assert "/p%FF/demo/loops/" in (home / "demo" / "rekordbox.xml").read_text()


def test_a_folder_with_the_name_of_a_file_is_refused(loops: Path, tmp_path: Path) -> None:
    with pytest.raises(FourfloorError, match=r"demo\.zip: pass --zip to write a zip file"):
        pack([loops], tmp_path / "demo.zip")
    with pytest.raises(FourfloorError, match=r"loop\.wav: is the name of a file, but --out is a folder; try .*loop$"):
        pack([loops], tmp_path / "loop.wav")
    (tmp_path / "loop.wav").mkdir()
    pack([loops], tmp_path / "loop.wav", formats=[])


def test_a_pack_of_notes_alone_says_where_there_are_none(loops: Path, tmp_path: Path) -> None:
    report = pack([loops / "b.wav"], tmp_path / "demo", formats=["midi"])
    assert report.notes == ("no loop has a MIDI file beside it: add --midi to transcribe them",)
