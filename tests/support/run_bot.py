"""Runs the bot against a loopback Discord: `python -m tests.support.run_bot`, for subprocesses."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from functools import partialmethod
from typing import Any
from unittest.mock import patch

from tests.support.loopback_discord import pointed_at
from tests.support.loopback_gateway import PATIENCE


def main() -> int:
    """The arguments are the bot's own; LOOPBACK_DISCORD holds the server's `url`."""
    from bot.__main__ import main as run

    with pointed_at(os.environ["LOOPBACK_DISCORD"]), patient_at_its_end(), hasty_at_its_beginning():
        return run(sys.argv[1:])


def patient_at_its_end() -> AbstractContextManager[Any]:
    """A bot that ends takes 5 seconds to tell people that their build was interrupted; here, what it needs."""
    builds = sys.modules.get("bot.builds")
    if builds is None:  # a test's own bot
        return nullcontext()
    return patch.object(builds.Builds, "close", partialmethod(builds.Builds.close, seconds=PATIENCE))


def hasty_at_its_beginning() -> AbstractContextManager[Any]:
    """A bot whose commands could not be registered tries again after 5 seconds; here, at once."""
    client = sys.modules.get("bot.client")
    return nullcontext() if client is None else patch.object(client, "PAUSE", 0.1)


if __name__ == "__main__":
    raise SystemExit(main())
