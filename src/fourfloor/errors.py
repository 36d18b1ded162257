"""What a user can mend is a `FourfloorError`; every other exception is a bug and shows a traceback."""

import re


class FourfloorError(ValueError):
    """A mistake that the caller can mend: one line that says what is wrong, where, and what to do."""

    exit_code = 2  # of the command line

    def __init__(self, message: str) -> None:
        """Keep a message whose every character can be shown: names in files may hold what steers a terminal.

        The system's numbers of errors say nothing to a reader and are left out.
        """
        message = re.sub(r"\[Errno \d+\] ", "", message)
        shown = (char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in message)
        super().__init__("".join(shown))
