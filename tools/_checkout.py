"""Run a command of the checkout that this file is in, installed or not."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def run(command: str) -> None:
    """Run ``gluon-hash COMMAND`` with the arguments of this process."""
    from gluon_hash.cli.app import main

    sys.argv[1:1] = [command]
    main()
