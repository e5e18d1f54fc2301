"""`python -m shareviz`: the same command as `shareviz`."""

import sys

from shareviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
