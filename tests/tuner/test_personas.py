"""Whom a build learns from when roles or helpers are named: from exports and over Discord."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.building import Workplace
from tests.support.discord_world import GUILD_MEMBERS_LIMITED, MESSAGE_CONTENT_LIMITED, JsonObject, World
from tests.support.exports import Said, export, user_id
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.talks import talk
from tuner.cli.main import main
from tuner.errors import UsageError

MENTORS, GUESTS = "555000000000000001", "555000000000000002"
TALK = [
    line
    for number, (asker, helper) in enumerate(
        [("Ann", "Ben"), ("Cat", "Ben"), ("Dan", "Ben"), ("Ann", "Dan"), ("Ben", "Cat")]
    )
    for line in (
        Said(asker, f"how do I mend lamp {number}?", 3000),
        Said(helper, f"open it and look at wire {number}, the lower one", 1, 2 * number),
    )
]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(roles: dict[str, dict[str, str]], talk: Sequence[Said] = TALK, name: str = "e.json") -> None:
    """An export in which people have roles, by name and id."""
    document = export("lamps", talk)
    for message in document["messages"]:
        author = message["author"]
        held = roles.get(author["nickname"], {})
        author["roles"] = [{"id": i, "name": n, "color": None, "position": 3} for n, i in held.items()]
    Path(name).write_text(json.dumps(document), encoding="utf-8")


def build(*options: str, file: str = "e.json") -> int:
    build = ("build-dataset", "--from-export", file, "-o", "r.jsonl", "--stats-file", "s.json")
    return main([*build, "--set", "store.path=t.db", *options])


def learned() -> set[int]:
    lines = Path("r.jsonl").read_text("utf-8").splitlines()
    return {json.loads(line)["metadata"]["assistant_user_id"] for line in lines}


def counts() -> dict[str, Any]:
    found = json.loads(Path("s.json").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


# -- roles of an export ---------------------------------------------------------------


@pytest.mark.parametrize(
    "named", ["Lamp Mentors", "@lamp mentors", MENTORS, f"<@&{MENTORS}>"], ids=["name", "at", "id", "mention"]
)
def test_a_role_is_those_who_have_it(named: str, capsys: pytest.CaptureFixture[str]) -> None:
    write({"Dan": {"Lamp Mentors": MENTORS}, "Cat": {"Lamp Mentors": MENTORS, "Guests": GUESTS}})
    assert build("--personas", named) == 0
    assert learned() == {user_id("Dan"), user_id("Cat")}
    assert counts()["learned"]["roles"] == {"Lamp Mentors": 2}
    assert "people who have the named roles: Lamp Mentors 2" in capsys.readouterr().out


def test_people_and_roles_are_named_together() -> None:
    write({"Dan": {"Mentors": MENTORS}})
    assert build("-p", str(user_id("Ben")), "Mentors") == 0
    assert learned() == {user_id("Dan"), user_id("Ben")}


def test_a_role_that_nobody_is_known_to_have(capsys: pytest.CaptureFixture[str]) -> None:
    write({"Dan": {"Guests": GUESTS}})
    assert build("-p", "Mentors") == 2
    assert '--personas names the role "Mentors", which nobody is known to have' in capsys.readouterr().err
    assert not Path("r.jsonl").exists()


def test_one_that_stands_for_nobody_beside_others_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    write({"Dan": {"Guests": GUESTS}})
    assert build("-p", "Mentors", "Guests") == 0
    assert learned() == {user_id("Dan")}
    assert 'the role "Mentors", which nobody is known to have' in capsys.readouterr().out


def test_a_role_of_people_who_are_not_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    write({"Dan": {"Mentors": MENTORS}})
    allowed = [str(user_id(name)) for name in ("Ann", "Ben")]
    assert build("-p", "Mentors", "-u", *allowed) == 2
    said = capsys.readouterr().err
    assert 'names the role "Mentors", which nobody in --allowed-users has' in said
    assert str(user_id("Dan")).encode() not in Path("t.db").read_bytes()


def test_what_the_newest_message_tells_counts() -> None:
    write({"Dan": {"Mentors": MENTORS}})
    assert build("-p", "Mentors") == 0
    write({"Cat": {"Mentors": MENTORS}}, [*TALK, Said("Dan", "bye")])
    assert build("-p", "Mentors") == 0
    assert learned() == {user_id("Cat")}


def test_who_is_not_in_a_newer_export_keeps_the_role() -> None:
    write({"Dan": {"Mentors": MENTORS}})
    assert build("-p", "Mentors") == 0
    write(
        {}, [Said("Ann", "is the lamp on?", 90_000), Said("Cat", "yes, since this morning at nine")], "n.json"
    )
    assert build("-p", "Mentors", file="n.json") == 0
    assert learned() == {user_id("Dan")}


def test_nothing_is_kept_of_other_roles_nor_of_who_is_forgotten() -> None:
    write({"Dan": {"Mentors": MENTORS, "Private matter": GUESTS}, "Cat": {"Mentors": MENTORS}})
    assert build("-p", "Mentors") == 0
    work = Workplace(Path.cwd())
    held = "SELECT user_id, name FROM role_holders ORDER BY user_id"
    file = Path("t.db").rename("tuner.db")
    assert work.rows(held) == sorted([(user_id("Cat"), "Mentors"), (user_id("Dan"), "Mentors")])
    assert main(["forget", str(user_id("Dan")), "--set", "store.path=tuner.db"]) == 0
    assert work.rows(held) == [(user_id("Cat"), "Mentors")]
    file.unlink()


def test_bots_have_no_role(capsys: pytest.CaptureFixture[str]) -> None:
    write({"Dan": {"Mentors": MENTORS}})
    document = json.loads(Path("e.json").read_text())
    for message in document["messages"]:
        message["author"]["isBot"] = message["author"]["nickname"] == "Dan"
    Path("e.json").write_text(json.dumps(document))
    assert build("-p", "Mentors") == 2
    assert "nobody is known to have" in capsys.readouterr().err


@pytest.mark.parametrize(
    "roles", [None, "Mentors", [5, {"id": "x"}, {"name": "Mentors"}, {"id": 1 << 70}]], ids=str
)
def test_odd_roles_spoil_nothing(roles: object) -> None:
    write({"Cat": {"Mentors": MENTORS}})
    document = json.loads(Path("e.json").read_text())
    for message in document["messages"]:
        if message["author"]["nickname"] == "Dan":
            message["author"]["roles"] = roles
    Path("e.json").write_text(json.dumps(document))
    assert build("-p", "Mentors") == 0
    assert learned() == {user_id("Cat")}


# -- helpers ----------------------------------------------------------------------------


def test_helpers_are_those_who_answer_others(capsys: pytest.CaptureFixture[str]) -> None:
    write({})
    assert build("-p", "helpers") == 0
    assert learned() == {user_id("Ben")}
    [helper] = counts()["learned"]["helpers"]["most"]
    assert helper == {"user_id": user_id("Ben"), "name": "Ben", "answered": 3, "askers": 3, "got": 1}
    assert "helpers, by the questions they answered: Ben 3 of 3 people" in capsys.readouterr().out


def test_where_nobody_helps_it_is_said_who_comes_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    write({}, TALK[:4])
    assert build("-p", "helpers") == 2
    assert (
        '--personas is "helpers", and nobody answered 3 questions of 2 people, more than were answered for them '
        "(most: Ben 2 of 2)"
    ) in capsys.readouterr().err


def test_a_role_called_helpers_is_another_matter(capsys: pytest.CaptureFixture[str]) -> None:
    write({"Cat": {"Helpers": MENTORS}})
    assert build("-p", "@helpers") == 0
    assert learned() == {user_id("Cat")}
    assert build("-p", "Helper") == 2
    assert 'the word for who answers others\' questions is "helpers"' in capsys.readouterr().err


# -- roles over Discord -----------------------------------------------------------------


def server_with_role(world: World, *holders: str) -> tuple[int, dict[str, JsonObject]]:
    channel = talk(world, "lamps", 6)
    people = {one["username"]: one for one in world.users.values()}
    world.add_role(0, *(people[name] for name in holders), name="Mentors")
    world.application_flags = MESSAGE_CONTENT_LIMITED | GUILD_MEMBERS_LIMITED
    return channel, people


async def test_discord_tells_who_has_a_role(server: LoopbackDiscord, work: Workplace, world: World) -> None:
    channel, people = server_with_role(world, "lamps helper", "lamps helper2")
    stats = await work.build(server, [channel], {"dataset.personas": ["mentors"]})
    assert stats.counts["learned"]["roles"] == {"Mentors": 2}
    told = {one["user_id"] for one in stats.counts["learned"]["most"]}
    assert told == {int(people[name]["id"]) for name in ("lamps helper", "lamps helper2")}


async def test_members_are_listed_page_by_page(
    server: LoopbackDiscord, work: Workplace, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuner.adapters.discord_roles.PAGE", 4)
    channel, _ = server_with_role(world, "lamps helper", "lamps helper5")
    stats = await work.build(server, [channel], {"dataset.personas": ["mentors"]})
    assert stats.counts["learned"]["roles"] == {"Mentors": 2}


async def test_without_the_intent_it_is_said_what_to_do(
    server: LoopbackDiscord, work: Workplace, world: World
) -> None:
    channel, people = server_with_role(world, "lamps helper")
    world.application_flags = MESSAGE_CONTENT_LIMITED
    with pytest.raises(
        UsageError, match=r'the role "Mentors", and the bot may not list .* Server Members intent'
    ):
        await work.build(server, [channel], {"dataset.personas": ["mentors"]})
    world.application_flags |= GUILD_MEMBERS_LIMITED
    await work.build(server, [channel], {"dataset.personas": ["mentors"]})
    world.application_flags = MESSAGE_CONTENT_LIMITED  # who had it is known by now
    stats = await work.build(server, [channel], {"dataset.personas": ["mentors"]})
    assert [one["user_id"] for one in stats.counts["learned"]["most"]] == [int(people["lamps helper"]["id"])]


async def test_ids_of_allowed_people_cost_no_request(
    server: LoopbackDiscord, work: Workplace, world: World
) -> None:
    channel, people = server_with_role(world)
    allowed = [one["id"] for one in people.values() if not one["bot"]]
    changes = {"dataset.personas": [people["lamps helper"]["id"]], "dataset.allowed_users": allowed}
    await work.build(server, [channel], changes)
    assert not any(request.path.endswith(("/roles", "/members")) for request in server.requests)


async def test_a_role_named_by_id_has_nothing_read_again(
    server: LoopbackDiscord, work: Workplace, world: World
) -> None:
    channel, _ = server_with_role(world, "lamps helper")
    await work.build(server, [channel])
    read = len(server.history_requests(channel))
    role = next(i for i, raw in world.guild.roles.items() if raw["name"] == "Mentors")
    stats = await work.build(server, [channel], {"dataset.personas": [str(role)]})
    assert stats.counts["learned"]["people"] == 1
    assert len(server.history_requests(channel)) == read
