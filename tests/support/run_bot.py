"""Runs the bot against a loopback Discord: `python -m tests.support.run_bot`, for subprocesses."""

import os
import sys

from tests.support.loopback_discord import pointed_at


def main() -> int:
    """The arguments are the bot's own; LOOPBACK_DISCORD holds the server's `url`."""
    with pointed_at(os.environ["LOOPBACK_DISCORD"]):
        from bot.__main__ import main as run

        return run(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
