"""The one exception a user's mistake raises."""


class StyleAlignError(Exception):
    """A mistake in the input: one line that names the file, key or flag, and the remedy.

    The command line prints the message without a traceback and exits with code 2.
    """
