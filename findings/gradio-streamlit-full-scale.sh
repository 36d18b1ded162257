#!/usr/bin/env bash
# gradio 6.31.0 `Audio` and streamlit 1.67.0 `st.audio`, given arrays of peak 0.01 and 0.9, two stems of one loop. Expected: played as they are. Seen: both
# at full scale, so the 39 dB between the stems are gone; gradio leaves int16 as it is, streamlit brings int16 to full scale too.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q gradio==6.31.0 streamlit==1.67.0 numpy==2.4.6 soundfile==0.14.0 2>/dev/null
GRADIO_ANALYTICS_ENABLED=False GRADIO_TEMP_DIR=$work HF_HUB_OFFLINE=1 v/bin/python -W ignore - 2>/dev/null <<'P'
import io
import gradio, numpy as np, soundfile, streamlit
from streamlit.elements import media
tone = np.sin(2 * np.pi * 441 * np.arange(44_100) / 44_100)
component, found = gradio.Audio(format="wav"), {}
for name, array in (("0.01", 0.01 * tone), ("0.9", 0.9 * tone), ("int16 of 0.01", (327.67 * tone).astype(np.int16))):
    files = component.postprocess((44_100, array)).path, io.BytesIO(media._make_wav(array, 44_100))
    found[name] = [round(float(np.abs(soundfile.read(file)[0]).max()), 3) for file in files]
print("gradio", gradio.__version__, "streamlit", streamlit.__version__, "peak in gradio, in streamlit:", found)
raise SystemExit(0 if found == {"0.01": [1, 1], "0.9": [1, 1], "int16 of 0.01": [0.01, 1]} else 1)
P
