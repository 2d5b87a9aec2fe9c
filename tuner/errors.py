"""What can go wrong, classed by what the caller does about it.

The text of every error is a sentence for the person at the keyboard: what is wrong, what to do.
The two faces turn errors into words and exit codes: `tuner.cli.main`, `bot.__main__` and `bot.tree`.
"""


class TunerError(Exception):
    """Anything Tuner expects to go wrong."""


class FatalError(TunerError):
    """The run ends. What was stored before stays stored."""

    exit_code = 1


class UsageError(FatalError):
    """Arguments, configuration or set-up are wrong; running again unchanged cannot help."""

    exit_code = 2


class RetryError(TunerError):
    """A passing fault of a service; `after` is the wait it asked for, in seconds, if it named one."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class SkipError(TunerError):
    """This one item (a channel, a segment, a message) is left out and counted; the run goes on."""
