"""`people` lists what was decided."""

import asyncio
from pathlib import Path

import pytest

from tuner.adapters.sqlite_consents import Consents
from tuner.adapters.sqlite_store import open_store
from tuner.cli.main import main


async def decide(archive: Path) -> None:
    async with open_store(archive) as store:
        ledger = Consents(store)
        await ledger.decide(101, "agreed", "1", "700")
        await ledger.decide(102, "agreed", "1", "701")
        await ledger.decide(102, "declined", "2", "702")


def test_the_last_decision_of_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = tmp_path / "tuner.db"
    asyncio.run(decide(archive))
    assert main(["people", "--set", f"store.path={archive}", "--set", "people.consent=opt_in"]) == 0
    first, declined, agreed, last = capsys.readouterr().out.splitlines()
    assert first == "people.consent = 'opt_in', version 1 of the text."
    assert declined.startswith("102  declined, version 2, 20") and declined.endswith("by interaction 702")
    assert agreed.startswith("101  agreed, version 1, ")
    assert last == "2 people decided, 1 of them agreed."
