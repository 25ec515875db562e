"""Names that a command line offers, for those that load nothing to know them."""

FILE_FORMATS = ("jpeg", "webp", "avif", "jxl")
METHOD_NAMES = ("bisect", "jnd", "search", "faithful")
