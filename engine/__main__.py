"""`python -m engine`: the command line of `engine.commands.cli`."""

import sys

from .commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
