"""Languages that run our snippets without a sound card: every pass is the loop's own samples."""

from pathlib import Path

import numpy as np
import pytest
from playing import loops_of, passes, program, run, waveform


@pytest.fixture(params=[0, 1, 2])
def loop(request: pytest.FixtureRequest, packed_loops: Path) -> dict:
    loop = loops_of(packed_loops)[request.param]
    sound = waveform(packed_loops / "loops" / f"{loop['name']}.wav")
    return {**loop, "folder": packed_loops, "number": request.param, "waveform": sound}


def test_csound_plays_every_loop_twice(packed_loops: Path, tmp_path: Path) -> None:
    csound = program("csound", "csound")
    command = [csound, "-d", "-W", "-f", "-o", tmp_path / "out.wav", packed_loops / "csound/played.csd"]
    run(command, packed_loops / "csound")
    heard, at = waveform(tmp_path / "out.wav"), 0
    for loop in loops_of(packed_loops):
        assert passes(heard[at:], waveform(packed_loops / "loops" / f"{loop['name']}.wav"), 1e-6, 2) == 0
        at += 2 * loop["frames"]
    assert at == len(heard)


def test_csound_s_loscil_plays_a_loop_at_its_own_speed(loop: dict, tmp_path: Path) -> None:
    (tmp_path / "loscil.csd").write_text(LOSCIL.format(file=loop["folder"] / "loops" / f"{loop['name']}.wav"))
    run([program("csound", "csound"), "-d", "-W", "-f", "-o", "out.wav", "loscil.csd"], tmp_path)
    passes(waveform(tmp_path / "out.wav"), loop["waveform"], 1e-4)


LOSCIL = """<CsoundSynthesizer>
<CsInstruments>
sr = 44100
ksmps = 1
nchnls = 2
0dbfs = 1
gifile ftgen 1, 0, 0, 1, "{file}", 0, 0, 0
instr 1
  a1, a2 loscil 1, 261.6255653005986, 1
  outs a1, a2
endin
</CsInstruments>
<CsScore>
i 1 0 17
</CsScore>
</CsoundSynthesizer>
"""


def test_supercollider_loops_a_buffer_exactly(loop: dict, tmp_path: Path) -> None:
    program("scsynth", "supercollider-server")
    wav, out = loop["folder"] / "loops" / f"{loop['name']}.wav", tmp_path / "out.wav"
    block = (loop["folder"] / "supercollider.scd").read_text().split("\nx = ")[0]
    assert "PlayBuf.ar(buffer.numChannels, buffer, BufRateScale.kr(buffer), loop: 1)" in block
    script = tmp_path / "render.scd"
    (tmp_path / "block.scd").write_text(block)
    seconds = 2.2 * loop["frames"] / 44_100
    script.write_text(SCORE.format(block=tmp_path / "block.scd", wav=wav, out=out, osc=tmp_path / "o", seconds=seconds))
    environment = {"QTWEBENGINE_DISABLE_SANDBOX": "1"}
    said = run([program("sclang", "supercollider-language"), script], tmp_path, env=environment).stdout
    assert "the block compiles: true" in said
    assert passes(waveform(out), loop["waveform"], 1e-6) == 0


SCORE = """(
var options = ServerOptions.new.numOutputBusChannels_(2);
var block = File.readAllString("{block}");
("the block compiles:" + thisProcess.interpreter.compile(block).notNil).postln;
Score([
  [0, ['/b_allocRead', 0, "{wav}", 0, -1]],
  [0, ['/d_recv', SynthDef(\\x, {{ Out.ar(0, PlayBuf.ar(2, 0, BufRateScale.kr(0), loop: 1)) }}).asBytes]],
  [0, ['/s_new', \\x, 1000, 0, 0]],
  [{seconds}, ['/c_set', 0, 0]]
]).recordNRT("{osc}", "{out}", nil, 44100, "WAV", "float", options, "", nil, {{ 0.exit }});
)
"""


def test_pure_data_loops_a_table_exactly(loop: dict, tmp_path: Path) -> None:
    patch = (
        (loop["folder"] / "puredata" / f"{loop['name']}.pd")
        .read_text()
        .replace("../loops", str(loop["folder"] / "loops"))
    )
    (tmp_path / "recording.pd").write_text(recording(patch, int(2.2 * loop["frames"]), tmp_path / "out.wav"))
    options = ["-nogui", "-batch", "-noaudio", "-r", "44100"]
    run([program("pd", "puredata-core"), *options, "recording.pd"], tmp_path)
    assert passes(waveform(tmp_path / "out.wav"), loop["waveform"], 1e-6) == 0


def recording(patch: str, frames: int, out: Path) -> str:
    """Return a patch that also writes its first frames to a file and quits."""
    head, lines = patch.split("#X connect", 1)
    boxes = [line for line in head.splitlines() if line.startswith(("#X obj", "#X msg", "#X text"))]
    left = next(number for number, line in enumerate(boxes) if "tabread~" in line)
    more = [
        f"obj 400 20 table rec-L {frames}", f"obj 400 40 table rec-R {frames}", "obj 400 60 tabwrite~ rec-L",
        "obj 400 80 tabwrite~ rec-R", "obj 400 100 loadbang", f"obj 400 120 delay {frames} 1 samp",
        "obj 400 140 t b b", f"msg 400 160 write -wave -bytes 4 {out} rec-L rec-R", "obj 400 180 soundfiler",
        "msg 400 200 \\; pd quit",
    ]  # fmt: skip
    n = len(boxes)
    joined = [(left, 0, n + 2, 0), (left + 1, 0, n + 3, 0), (n + 4, 0, n + 2, 0), (n + 4, 0, n + 3, 0),
              (n + 4, 0, n + 5, 0), (n + 5, 0, n + 6, 0), (n + 6, 1, n + 7, 0), (n + 7, 0, n + 8, 0),
              (n + 6, 0, n + 9, 0)]  # fmt: skip
    added = "".join(f"#X {box};\n" for box in more)
    return head + added + "#X connect" + lines + "".join(f"#X connect {a} {b} {c} {d};\n" for a, b, c, d in joined)


def test_chuck_loops_a_file_exactly(loop: dict, tmp_path: Path) -> None:
    (tmp_path / "record.ck").write_text(
        f'dac.left => WvOut left => blackhole; "{tmp_path}/left.wav" => left.wavFilename;\n'
        f'dac.right => WvOut right => blackhole; "{tmp_path}/right.wav" => right.wavFilename;\n'
        "17::second => now; left.closeFile(); right.closeFile(); Machine.remove(1);\n"
    )
    source = f"{loop['folder'] / 'chuck/played.ck'}:{loop['number']}"
    run([program("chuck", "chuck"), "--silent", "--srate:44100", source, "record.ck"], tmp_path)
    heard = np.concatenate([waveform(tmp_path / f"{side}.wav") for side in ("left", "right")], axis=1)
    assert passes(heard, loop["waveform"], 1e-4) == 0
