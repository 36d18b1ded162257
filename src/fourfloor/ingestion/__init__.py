"""1. Ingest: a folder of tracks -> a dataset of loops.

`folder.ingest` is the step; `catalogue` reads and writes the dataset, with numpy alone, so that training can.
"""
