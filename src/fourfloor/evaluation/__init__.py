"""Evaluation: are they music, in the style, and new? Loops and a dataset go in, a scorecard comes out."""
