"""`python -m seedance_mcp`."""

import sys

from seedance_mcp.cli import main

sys.exit(main())
