"""/privacy: every member sees, has, takes back and erases what is theirs, and gets nothing of anybody else's."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.discord_interactions import Interaction
from tests.support.discord_messages import EPHEMERAL
from tests.support.discord_world import JsonObject, Permission, World, id_of
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import until
from tests.support.running_bot import RunningBot, running_bot
from tuner.adapters.sqlite_consents import Consents
from tuner.adapters.sqlite_store import is_building, open_store

MEMBER = int(Permission.VIEW_CHANNEL)
SECRET = "zanzibarquartz"


@pytest.fixture(autouse=True)
def places(ada: JsonObject, tools: int, ops: int) -> None:
    """What the configuration names is there."""


@pytest.fixture
def helper(world: World, tools: int) -> JsonObject:
    """Who answers in one of the talks, and once more."""
    author: JsonObject = world.channels[tools].messages[1]["author"]
    world.add_message(tools, author, f"My kettle is called {SECRET}.")
    return author


def use(running: RunningBot, command: str, user: JsonObject) -> Interaction:
    return running.server.interact(f"privacy {command}", user=user, permissions=MEMBER)


async def read(used: Interaction) -> str:
    """What the person reads in the end."""
    await used.answered()
    if used.type == 6:  # a button, answered below the message that has it
        await used.followed_up()
        assert used.followups[-1]["flags"] & EPHEMERAL
        return str(used.followups[-1]["content"])
    assert used.ephemeral
    if used.type == 5:
        await until(lambda: used.edits or used.followups)
    assert used.original is not None
    return str(used.original["content"])


async def cleared(running: RunningBot) -> None:
    """As soon as nothing holds the archive: while files are cleared, no build starts."""
    await until(lambda: not is_building(running.paths.archive))


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_everybody_may_and_sees_only_their_own(running: RunningBot, helper: JsonObject) -> None:
    await running.build()
    told = await read(use(running, "show", helper))
    assert told.startswith("4 messages of yours, from ")
    assert "Datasets with words of yours: #1." in told
    eve = running.world.add_user("eve")
    assert "No words of yours are stored." in await read(use(running, "show", eve))


async def test_the_export_holds_their_own_words_alone(
    running: RunningBot, helper: JsonObject, tools: int
) -> None:
    await running.build()
    used = use(running, "export", helper)
    await until(lambda: used.edits or used.followups)
    [file] = [
        file for one in running.server.written for file in one.files if file.filename == "my-messages.jsonl"
    ]
    lines = [json.loads(line) for line in file.data.decode().splitlines()]
    own = [one["content"] for one in running.world.channels[tools].messages if one["author"] == helper]
    assert [line["text"] for line in lines] == own


async def test_erasing_asks_first_and_gives_a_receipt(
    running: RunningBot, helper: JsonObject, tools: int, tmp_path: Path
) -> None:
    await running.build()
    assert SECRET.encode() in files(tmp_path)
    asked = use(running, "erase", helper)
    assert "cannot be taken back" in await read(asked)
    assert SECRET.encode() in files(tmp_path)
    eve = running.world.add_user("eve")
    refused = await running.server.press(asked, "Erase my words", eve).answered()
    assert refused.content == "Only who asked can answer this."
    receipt = await read(running.server.press(asked, "Erase my words", helper))
    assert receipt.startswith("4 messages lost their text, and your words will not be stored again.")
    assert "records.jsonl: 3 of 30 samples were taken out" in receipt.replace("\u200b", "")
    assert str(tmp_path) not in receipt
    assert SECRET.encode() not in files(tmp_path)
    await running.build()
    assert SECRET.encode() not in files(tmp_path)


async def test_erasing_while_a_build_runs(running: RunningBot, helper: JsonObject, tmp_path: Path) -> None:
    await running.build()
    with running.held():
        await running.use("build", {"reread": True}).answered()
        asked = use(running, "erase", helper)
        await read(asked)
        receipt = await read(running.server.press(asked, "Erase my words", helper))
        assert "A build is under way" in receipt
    await running.ended()
    await until(lambda: SECRET.encode() not in files(tmp_path))


async def test_a_message_that_is_never_to_be_used(
    running: RunningBot, helper: JsonObject, ada: JsonObject, tools: int, tmp_path: Path
) -> None:
    await running.build()
    like = await use(running, "show", helper).answered()
    message = running.world.channels[tools].messages[1]
    refused = running.server.use_on("Never use this", message, ada, like)
    assert await read(refused) == "Only whoever wrote a message can take it back."
    assert "never used" in await read(running.server.use_on("Never use this", message, helper, like))
    [(content,)] = running.paths.rows("SELECT content FROM messages WHERE id = ?", id_of(message))
    assert content is None
    await until(lambda: running.paths.records.read_bytes().count(b"\n") == 29)


async def test_too_often(running: RunningBot, ada: JsonObject) -> None:
    told = [await read(use(running, "show", ada)) for _ in range(9)]
    assert "No words of yours are stored." in told[7]
    assert told[8] == "That is too often. Try again in a minute."


async def test_on_a_list_nobody_joins_but_anybody_leaves(running: RunningBot, helper: JsonObject) -> None:
    assert "is a list here" in await read(use(running, "join", helper))
    await running.build()
    assert "not used any more" in await read(use(running, "leave", helper))
    await until(lambda: SECRET.encode() not in running.paths.records.read_bytes())
    await cleared(running)
    await running.build()
    assert running.paths.rows("SELECT 1 FROM messages WHERE content LIKE ?", f"%{SECRET}%") == []


# -- consent --------------------------------------------------------------------------


def opting_in(**changes: Any) -> dict[str, Any]:
    return {"people.consent": "opt_in", **changes}


async def test_the_panel_goes_on_working_after_restarts(
    world: World, ada: JsonObject, helper: JsonObject, tmp_path: Path
) -> None:
    async with LoopbackDiscord(world) as server:
        async with running_bot(world, tmp_path, opting_in(), server=server) as running:
            shown = await running.use("consent", user=ada).answered()
            assert not shown.ephemeral and "May your words be used?" in str(shown.embeds)
        for restart in range(3):
            async with running_bot(world, tmp_path, opting_in(), server=server) as running:
                label = ("I agree", "I don't agree", "I agree")[restart]
                told = await read(running.server.press(shown, label, helper))
                assert told.startswith("Your words are not" if restart == 1 else "Thank you.")
    rows = running.paths.rows("SELECT user_id, decision, text_version FROM consents ORDER BY id")
    assert rows == [(id_of(helper), decision, "1") for decision in ("agreed", "declined", "agreed")]


async def test_only_who_agreed_is_used(world: World, ada: JsonObject, tools: int, tmp_path: Path) -> None:
    first, second = world.channels[tools].messages[:2]
    async with running_bot(world, tmp_path, opting_in()) as running:
        for user in (first["author"], second["author"]):
            assert "Thank you" in await read(use(running, "join", user))
        await running.build()
        names = running.paths.rows("SELECT DISTINCT speaker FROM messages WHERE content IS NOT NULL")
        assert {i for (i,) in names} == {id_of(first["author"]), id_of(second["author"])}
        assert running.paths.records.read_bytes().count(b"\n") == 3
        assert "not used any more" in await read(use(running, "leave", second["author"]))
        await until(lambda: not running.paths.records.exists())
        await cleared(running)
        await running.build()
        assert running.paths.rows("SELECT 1 FROM messages WHERE speaker = ?", id_of(second["author"])) == []


async def test_who_left_the_server_does_not_agree(
    world: World, ada: JsonObject, tools: int, tmp_path: Path
) -> None:
    first, second = world.channels[tools].messages[:2]
    async with running_bot(world, tmp_path, opting_in()) as running:
        for user in (first["author"], second["author"]):
            await read(use(running, "join", user))
        await running.build()
        del world.guild.members[id_of(first["author"])]
        await running.build()
        assert running.paths.rows("SELECT 1 FROM messages WHERE speaker = ?", id_of(first["author"])) == []
        rows = running.paths.rows("SELECT decision FROM consents WHERE user_id = ?", id_of(first["author"]))
    assert rows == [("agreed",), ("gone",)]


async def test_nobody_who_may_not_posts_the_panel(running: RunningBot, ada: JsonObject) -> None:
    used = running.use("consent", user=ada, permissions=MEMBER)
    assert "Only people who may manage this server" in await read(used)
    assert "Nobody is asked here" in await read(running.use("consent", user=ada))


async def test_a_thousand_people_at_once(tmp_path: Path) -> None:
    async with open_store(tmp_path / "tuner.db") as store:
        ledger = Consents(store)

        async def decide(user_id: int) -> None:
            for number, decision in enumerate(("agreed", "declined", "agreed")):
                for _ in range(2):  # Discord may tell of an interaction twice
                    await ledger.decide(user_id, decision, "1", f"{user_id}-{number}")  # type: ignore[arg-type]

        await asyncio.gather(*(decide(user_id) for user_id in range(1, 1001)))
        rows = await store.fetch("SELECT user_id, group_concat(decision) FROM consents GROUP BY user_id")
        assert len(rows) == 1000
        assert {said for _, said in rows} == {"agreed,declined,agreed"}
        assert (await ledger.decided("1")).agreed == set(range(1, 1001))
        assert (await ledger.decided("2")).agreed == set()
