"""What `scripts/bench.py` consists of.

builds.py    a commit -> an environment of its own, and its size
measure.py   a command -> the time and the memory of its process, which launcher.py starts
hooked.py    runs a command of any build and says what parts of it took
verbs.py     runs the editing verbs of this build in one process
peers.py     runs other models at their true size with random weights
report.py    measurements -> ratios, docs/speed.md and a line of docs/results/speed.jsonl
"""
