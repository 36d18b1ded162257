"""Formats of a pack: one a file, each `write(pack)` adds to the folder and returns what a user should know."""
