"""`python -m microgradcheck`: the command line."""

from microgradcheck.cli import main

raise SystemExit(main())
