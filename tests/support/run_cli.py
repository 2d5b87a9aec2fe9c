"""Runs the command line against a loopback Discord: `python -m tests.support.run_cli`, for subprocesses."""

import os
import sys

from discord.http import Route


def main() -> int | None:
    """The arguments are tuner's own; LOOPBACK_DISCORD holds the server's `url`."""
    Route.BASE = os.environ["LOOPBACK_DISCORD"]
    from tuner.cli.main import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
