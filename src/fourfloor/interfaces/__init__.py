"""Command line: parse, call the pipeline, show."""
