"""What can go wrong, each with the value, the limit and the remedy in one line."""


class EngineError(Exception):
    """The root of every error a user may meet."""


class ImageError(EngineError):
    """A picture that cannot be opened, or is outside the documented limits."""


class UsageError(EngineError):
    """An option that makes no sense: its value, the limit and what to ask for instead."""


class OutputError(EngineError):
    """A result that cannot be written."""


class WeightsError(EngineError):
    """A model file that is missing, changed, or not what it should be."""


class DeviceError(EngineError):
    """A device that was asked for and is not there."""


class SetupError(EngineError):
    """A library that is missing or broken: which one, and how to repair it."""


class PublishError(EngineError):
    """A folder that cannot be published, or that the Hub does not take."""
