"""`python -m stylealign`: the command line without an installed script."""

import sys

from stylealign.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
