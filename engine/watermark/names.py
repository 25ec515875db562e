"""What a command line offers, and what it means where no key is given; nothing to import."""

OBSERVERS = ("human", "machine")
FORMATS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}  # of the file -> suffix
OPEN_KEY = "just-noticeable"  # anybody's: a payload under it is no secret
