"""`python -m mcpbridge`: the console script, where that is not on the path."""

import sys

from mcpbridge.cli.main import main

sys.exit(main())
