"""Run commands of the checkout that this file is in, installed or not."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def run(command: str) -> None:
    """Run ``gluon-hash COMMAND`` with the arguments of this process."""
    from gluon_hash.cli.app import main

    sys.argv[1:1] = [command]
    main()


def gluon_hash(*arguments: object) -> str:
    """Run one command as a user would, showing it and what it prints; end where it fails."""
    words = [str(argument) for argument in arguments]
    print(f"\n$ gluon-hash {shlex.join(words)}", flush=True)
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "gluon_hash", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        text=True,
    )
    print(done.stdout, end="", flush=True)
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout
