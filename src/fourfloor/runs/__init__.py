"""What a training run does besides stepping: its folder, its sample loops, when it stops, and what came of it."""
