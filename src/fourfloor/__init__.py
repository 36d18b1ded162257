"""fourfloor: new house & techno loops from a folder of tracks.

The path, in the order of the source tree:

    audio            files <-> waveforms
    ingestion        a folder of tracks -> a catalogue of loops
    producer         rule-written loops -> a catalogue of loops
    dataset          a catalogue -> seeded batches
    representations  a waveform <-> what a model sees
    models           one family a file
    training         the loop, checkpoints
    loading          run folders and the package -> trained models
    generation       a model -> exact-length, tagged WAV loops
    copies           is a loop a copy, and who decides?
    evaluation       are they music, in the style, and new?
    api              the whole path, one function a verb
    comparing        recipes side by side, in one table
"""

__version__ = "0.1.0"
