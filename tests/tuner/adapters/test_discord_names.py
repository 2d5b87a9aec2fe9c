"""Names and titles of people outside, as a Discord server shows them."""

import json

import pytest

from tests.support.building import Workplace
from tests.support.discord_faults import http_error
from tests.support.discord_world import FORUM, JsonObject, World, id_of
from tests.support.loopback_discord import LoopbackDiscord
from tuner.adapters.discord_page import read_page
from tuner.progress import Tally


@pytest.fixture
def people(world: World) -> list[JsonObject]:
    return [world.add_user(name, global_name=name.title()) for name in ("ada", "bo", "zanzibar")]


def left_over(work: Workplace, word: str) -> list[str]:
    return [
        str(file)
        for file in work.folder.rglob("*")
        if file.is_file() and word.encode() in file.read_bytes().lower()
    ]


def test_every_name_of_an_author_is_handed_over() -> None:
    user = {"id": "101", "username": "ada_l", "global_name": "Ada"}
    message = {
        "id": "900",
        "type": 0,
        "author": {**user, "bot": None},
        "member": {"nick": "Countess"},
        "content": "hi",
        "mentions": [
            {**user, "id": "102", "member": {"nick": "Other"}},
            {**user, "id": "103", "member": "?"},
        ],
    }
    [found] = read_page([message], Tally())
    assert found.author.name == "Ada"
    assert found.author.names == {"ada_l", "ada", "countess"}
    assert [user.names for user in found.mentions] == [{"ada_l", "ada", "other"}, {"ada_l", "ada"}]


async def test_an_outsider_is_hidden_before_and_after_a_word_of_theirs(
    server: LoopbackDiscord, work: Workplace, world: World, people: list[JsonObject]
) -> None:
    ada, bo, outsider = people
    first, second = world.add_channel("first"), world.add_channel("second")
    for channel in (first, second):
        world.add_message(channel, ada, "who has seen @Zanzibar or @ZANZIBAR, the outsider?")
        world.add_message(channel, bo, "ask @ada about that one")
    world.add_message(second, outsider, "here I am")
    world.fill(second, 150, authors=[ada, bo])
    world.add_message(first, ada, "@zanzibar was here")
    await work.build(server, [first, second], {"dataset.allowed_users": [ada["id"], bo["id"]]})
    assert left_over(work, "zanzibar") == []
    assert work.contents(first) == [
        "who has seen @someone or @someone, the outsider?",
        "ask @ada about that one",
        "@someone was here",
    ]


@pytest.mark.parametrize("samples", [None, 2])
async def test_a_name_that_the_run_learns_last_is_in_none_of_its_samples(
    server: LoopbackDiscord, work: Workplace, world: World, people: list[JsonObject], samples: int | None
) -> None:
    ada, bo, outsider = people
    first = world.add_channel("first", topic="ask @Zanzibar about pumps")
    second = world.add_channel("second")
    for i in range(3):
        question = world.add_message(first, ada, f"how does @Zanzibar repair pump number {i}?")
        world.add_message(first, bo, f"you mentioned that @zanzibar opens number {i}", reply_to=question)
    world.fill(second, 250, authors=[ada, bo])
    world.add_message(second, outsider, "here I am")
    # What is to be learnt comes after the first channel could be made samples of: the client waits a second.
    server.fail(rf"^/channels/{second}/messages$", http_error(500), after=2)
    changes = {
        "dataset.allowed_users": [ada["id"], bo["id"]],
        "dataset.max_samples": samples,
        "dataset.raw_dump_dir": str(work.folder / "dump"),
    }
    stats = await work.build(server, [first, second], changes)
    assert stats.counts["samples"]
    assert b"@someone" in work.records.read_bytes()
    assert left_over(work, "zanzibar") == []


async def test_who_is_admitted_later_is_named_where_they_were_mentioned(
    server: LoopbackDiscord, work: Workplace, world: World, people: list[JsonObject]
) -> None:
    ada, bo, joins = people
    general = world.add_channel("general")
    text = f"do you know <@{joins['id']}>, or @zanzibar?"
    world.add_message(general, ada, text, mentions=[joins])
    world.add_message(general, joins, "I know myself")
    world.fill(general, 120, authors=[ada, bo])
    allowed = [ada["id"], bo["id"]]
    await work.build(server, [general], {"dataset.allowed_users": allowed})
    assert work.contents(general)[0] == "do you know @someone, or @someone?"
    await work.build(server, [general], {"dataset.allowed_users": [*allowed, joins["id"]]})
    assert work.contents(general)[:2] == [text, "I know myself"]
    ((extras,),) = work.rows("SELECT extras FROM messages ORDER BY id LIMIT 1")
    assert json.loads(extras) == {"mentions": [id_of(joins)]}


async def test_only_titles_by_admitted_people_are_stored(
    server: LoopbackDiscord, work: Workplace, world: World, people: list[JsonObject]
) -> None:
    ada, bo, outsider = people
    forum = world.add_channel("help", FORUM)
    theirs = world.add_thread(forum, "my zanzibar secret", owner_id=outsider["id"])
    ours = world.add_thread(forum, "about @Zanzibar and pumps", owner_id=ada["id"])
    unknown = world.add_thread(forum, "zanzibar again", owner_id=None)
    world.add_message(theirs, outsider, "first")
    for thread in (theirs, ours, unknown):
        question = world.add_message(thread, ada, "how do I repair a pump?")
        world.add_message(thread, bo, "you open it and you look inside", reply_to=question)
    changes = {"dataset.allowed_users": [ada["id"], bo["id"]]}
    await work.build(server, [forum], changes)
    await work.build(server, [forum], changes)
    assert work.rows("SELECT name FROM channels WHERE parent_id NOT NULL ORDER BY id") == [
        ("thread",),
        ("about @someone and pumps",),
        ("thread",),
    ]
    assert left_over(work, "zanzibar") == []
    await work.build(server, [forum], {"dataset.allowed_users": [bo["id"]]}, confirmed=True)
    assert {name for (name,) in work.rows("SELECT name FROM channels WHERE parent_id NOT NULL")} == {"thread"}
