"""What a producer does with a loop after the first: one verb a file, arrays in, arrays or events out.

A source is any closed stereo loop of whole bars at 44.1 kHz: one of ours, or anybody's WAV (`source.py`).
"""
