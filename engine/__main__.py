"""`python -m engine`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # file names and signs of any encoding
    sys.exit(main())
