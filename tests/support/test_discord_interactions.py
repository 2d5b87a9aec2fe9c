"""Commands and interactions of the loopback Discord, proved with the real commands.Bot."""

from typing import Any

import discord
import pytest

from tests.support.discord_world import JsonObject, Permission, World, id_of
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import PATIENCE, until
from tests.support.recording_bot import Bot, appending, group_of, running

# Commands


async def test_commands_are_registered_and_counted(server: LoopbackDiscord, bot: Bot, world: World) -> None:
    assert [(method, guild) for method, guild, _ in server.commands.registrations] == [("PUT", None)]
    (command,) = await bot.tree.fetch_commands()
    assert (command.name, [one.name for one in command.options]) == ("tuner", ["build", "status", "slow"])
    guild = discord.Object(world.guild.id)
    bot.tree.copy_global_to(guild=guild)
    first = await bot.tree.sync(guild=guild)
    again = await bot.tree.sync(guild=guild)
    assert (first[0].id, first[0].guild_id) == (again[0].id, world.guild.id)
    assert first[0].id != command.id
    await command.edit(description="Other")
    assert (await bot.tree.fetch_command(command.id)).description == "Other"
    await command.delete()
    with pytest.raises(discord.NotFound) as caught:
        await bot.tree.fetch_command(command.id)
    assert caught.value.code == 10063
    methods = [method for method, _, _ in server.commands.registrations]
    assert methods == ["PUT", "PUT", "PUT", "PATCH", "DELETE"]
    one: Any = {"name": "one", "description": "1"}
    await bot.http.upsert_global_command(world.bot_id, one)
    await bot.http.bulk_upsert_global_commands(world.bot_id, [])
    assert await bot.tree.fetch_commands() == []


async def test_senseless_commands_are_refused(server: LoopbackDiscord, bot: Bot, world: World) -> None:
    bad = [{"name": "Has Spaces", "description": "x"}, {"name": "fine", "description": ""}]
    with pytest.raises(discord.HTTPException) as caught:
        await bot.http.bulk_upsert_global_commands(world.bot_id, bad)
    assert (caught.value.status, caught.value.code) == (400, 50035)
    assert len(server.commands.registrations) == 1


async def test_a_command_from_call_to_followup(
    server: LoopbackDiscord, bot: Bot, world: World, general: int, ada: JsonObject
) -> None:
    given = {"samples": 25, "dry": True, "where": general, "who": id_of(ada)}
    used = await server.interact("tuner build", given, user=ada).answered()
    assert (used.type, used.content, used.ephemeral) == (4, "started", True)
    assert used.embeds[0]["description"] == "25 True general ada "
    assert [(file.filename, file.data) for file in used.files] == [("plan.json", b"{}")]
    assert used.answered_after is not None
    assert world.channels[general].messages == []  # it is private
    group_of(bot).go_on.set()
    await used.followed_up()
    assert used.original is not None
    assert (used.original["content"], used.original["embeds"][0]["title"]) == ("half", "Build")
    assert [one["content"] for one in used.followups] == ["done"]
    assert [one["content"] for one in used.edits] == ["half"]
    assert [one.how for one in server.written] == ["callback", "original", "followup"]


async def test_what_a_handler_sees(server: LoopbackDiscord, world: World, ada: JsonObject) -> None:
    role = world.add_role(Permission.MANAGE_GUILD, ada)
    seen: list[discord.Interaction[Any]] = []
    async with running() as bot:
        bot.add_listener(appending(seen), "on_interaction")
        first = server.interact("tuner status", user=ada)
        server.interact("tuner status", user=ada, permissions=0, locale="de")
        await until(lambda: len(seen) == 2)
    one, two = seen
    assert isinstance(one.user, discord.Member)
    assert one.user.get_role(role) is not None
    assert one.permissions.manage_guild and not two.permissions.manage_guild
    assert (one.guild_id, one.filesize_limit, one.entitlements) == (world.guild.id, 10 * 2**20, [])
    assert one.app_permissions.embed_links and one.context.guild
    assert one.is_guild_integration() and not one.is_user_integration()
    assert not one.is_expired()
    assert str(two.locale) == "de"
    assert first.payload["data"]["options"] == [{"name": "status", "type": 1, "options": []}]


async def test_a_deferred_public_answer(
    server: LoopbackDiscord, bot: Bot, world: World, general: int
) -> None:
    used = await server.interact("tuner status").edited()
    assert used.type == 5
    assert used.followups == []
    (message,) = world.channels[general].messages
    assert (message["content"], message["type"], message["flags"]) == ("idle", 20, 0)
    assert (await bot.next("message")).type is discord.MessageType.chat_input_command
    original = bot.get_partial_messageable(general, guild_id=world.guild.id)
    assert (await original.fetch_message(id_of(message))).interaction_metadata is not None


async def test_options_nobody_can_send(server: LoopbackDiscord, bot: Bot) -> None:
    for wrong in ({}, {"samples": 0}, {"samples": 101}, {"samples": "many"}, {"samples": 1, "dry": 1}):
        with pytest.raises(ValueError):
            server.interact("tuner build", wrong)
    with pytest.raises(KeyError):
        server.interact("tuner build", {"samples": 1, "unknown": 1})
    with pytest.raises(LookupError):
        server.interact("other")
    assert server.interactions.all == []


async def test_expired_token(server: LoopbackDiscord, bot: Bot) -> None:
    used = await server.interact("tuner build", {"samples": 1}).answered()
    server.expire_interaction(used)
    group_of(bot).go_on.set()
    await until(lambda: bot.failed)
    (error,) = bot.failed
    assert isinstance(error, discord.HTTPException)
    assert (error.status, error.code, used.refused) == (401, 50027, [50027])


async def test_callbacks_that_are_late_or_second(
    server: LoopbackDiscord, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.interactions.deadline = 0
    group_of(bot).go_on.set()
    late = server.interact("tuner slow")
    await until(lambda: bot.failed)
    assert late.refused == [10062]
    assert late.callback is None
    server.interactions.deadline = PATIENCE
    seen: list[discord.Interaction[Any]] = []
    bot.add_listener(appending(seen), "on_interaction")
    once = await server.interact("tuner slow").answered()
    await until(lambda: seen)
    seen[0].response._response_type = None  # as another process would
    with pytest.raises(discord.HTTPException) as caught:
        await seen[0].response.send_message("twice")
    assert (caught.value.status, caught.value.code, once.refused) == (400, 40060, [40060])


async def test_original_response_is_read_and_deleted(server: LoopbackDiscord, bot: Bot) -> None:
    seen: list[discord.Interaction[Any]] = []
    bot.add_listener(appending(seen), "on_interaction")
    used = await server.interact("tuner status").edited()
    seen[0]._original_response = None
    assert (await seen[0].original_response()).content == "idle"
    public = await seen[0].followup.send("more", wait=True)
    await public.edit(content="still more")
    assert used.followups[0]["content"] == "still more"
    await public.delete()
    await seen[0].delete_original_response()
    assert (used.original, used.followups) == (None, [])
    with pytest.raises(discord.NotFound) as caught:
        await seen[0].edit_original_response(content="gone")
    assert caught.value.code == 10008


async def test_autocomplete(server: LoopbackDiscord, bot: Bot) -> None:
    used = await server.autocomplete("tuner build", "name", "ga").answered()
    assert (used.type, used.choices) == (8, [{"name": "games", "value": "games"}])
    used = await server.autocomplete("tuner build", "name", options={"samples": 7}).answered()
    assert [choice["value"] for choice in used.choices] == ["general", "games", "7"]
