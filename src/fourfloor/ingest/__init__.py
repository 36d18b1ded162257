"""A folder of tracks -> a catalogue of loops."""
