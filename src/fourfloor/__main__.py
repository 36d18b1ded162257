"""`python -m fourfloor` is the command line."""

from fourfloor.interfaces.cli import main

main()
