"""The one exception that means "the input is at fault", so that the command line can tell it from a bug."""


class InputError(ValueError):
    """Input that cannot be used; the message is one line: what was wanted, what came, what to do.

    The command line prints the message without a traceback and exits with code 2. Any other exception is a
    defect of bayesgov and keeps its traceback.
    """
