"""`fourfloor` and `python -m fourfloor` are the command line."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is imported is one line, too."""
    try:
        from fourfloor.interfaces.cli import main as run
    except KeyboardInterrupt:
        print("fourfloor: stopped by SIGINT", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
