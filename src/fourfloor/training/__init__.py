"""The loop that trains every family, its checkpoints and its log."""
