"""What can go wrong. A message is one line: the value, the limit and the remedy."""


class EngineError(Exception):
    """The root of every error a user may meet.

    Names of files and other libraries' words are in its message; whatever they hold, it is one
    line, and no command to a terminal.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


def printable(text: str) -> str:
    """The text on one line: line breaks as spaces, what has no shape as escapes."""
    words = " ".join(text.splitlines())
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in words)


class ImageError(EngineError):
    """A picture that cannot be opened, or is outside the documented limits."""


class UsageError(EngineError):
    """An option or argument that makes no sense: its value, the limit and what to give instead."""


class OutputError(EngineError):
    """A result that cannot be written."""


class StorageError(OutputError):
    """A disk that takes no more, or nothing at all: no picture's fault, and it ends a batch."""


class WeightsError(EngineError):
    """A model file that is missing, changed, or not what it should be."""


class DeviceError(EngineError):
    """A device that was chosen and is not available."""


class SetupError(EngineError):
    """A library that is missing or broken: which one, and how to repair it."""


class PublishError(EngineError):
    """A folder that cannot be published, or that the Hub rejects."""
