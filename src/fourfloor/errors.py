"""What a user can mend is a `FourfloorError`; every other exception is a bug and shows a traceback."""


class FourfloorError(ValueError):
    """Say in one line what is wrong, where, and what to do about it."""

    exit_code = 2  # of the command line
