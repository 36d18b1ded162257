"""The studio: a page on this machine where loops are made, heard, kept and taken away.

In: a library's folder. Out: a server of it, over the public API alone; `serving.serve` runs it.
"""
