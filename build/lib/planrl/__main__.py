"""The command line: `python -m planrl --help` lists its commands."""

import sys

from planrl.cli.program import PIPE, main

__all__ = ["PIPE", "main"]

if __name__ == "__main__":
    sys.exit(main())
