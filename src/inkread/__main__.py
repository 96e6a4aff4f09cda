"""`python -m inkread`: the same as the command `inkread`."""

import sys

from inkread.cli import main

sys.exit(main())
