"""What an engineer and the command line call: keyword arguments in, dataclasses out, files only where named.

Whatever lies on disk (a dataset, a run, an exported model) is returned as a dataclass that serves as a path.
`fourfloor` offers these names, and those of `api` that make loops.
"""
