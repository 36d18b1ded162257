"""Command line: parse, call the api, show."""
