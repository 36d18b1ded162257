"""Blocks that two model families or more share."""
