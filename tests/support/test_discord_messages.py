"""What the loopback Discord lets a bot write, proved with the real commands.Bot."""

import io

import discord
import pytest

from tests.support.discord_faults import edits_limited, http_error
from tests.support.discord_world import JsonObject, Permission, World, id_of
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.recording_bot import Bot, text_channel

# Writing


async def test_uploads_are_kept(server: LoopbackDiscord, bot: Bot, world: World, general: int) -> None:
    channel = text_channel(bot, general)
    files = [discord.File(io.BytesIO(text), f"{text.decode()}.jsonl") for text in (b"train", b"valid")]
    sent = await channel.send("records", files=files)
    assert [(one.filename, one.size) for one in sent.attachments] == [("train.jsonl", 5), ("valid.jsonl", 5)]
    assert [file.data for file in server.written[0].files] == [b"train", b"valid"]
    edited = await sent.edit(attachments=[sent.attachments[1], discord.File(io.BytesIO(b"x"), "x.txt")])
    assert [one.filename for one in edited.attachments] == ["valid.jsonl", "x.txt"]
    with pytest.raises(discord.HTTPException) as caught:
        await channel.send(file=discord.File(io.BytesIO(bytes(10 * 2**20 + 1)), "large"))
    assert (caught.value.status, caught.value.code) == (413, 40005)
    world.deny(general, Permission.ATTACH_FILES)
    with pytest.raises(discord.Forbidden):
        await channel.send(file=discord.File(io.BytesIO(b"x"), "x.txt"))


def fields(count: int, name: int = 1, value: int = 1) -> discord.Embed:
    embed = discord.Embed()
    for _ in range(count):
        embed.add_field(name="n" * name, value="v" * value)
    return embed


ALLOWED = [
    {"content": "x" * 2000},
    {"embed": discord.Embed(title="t" * 256, description="d" * 4096)},
    {"embed": discord.Embed(description=" d" + " " * 5000)},
    {"embeds": [fields(5, 200, 1000)]},
    {"embed": fields(25)},
]
FORBIDDEN = [
    {"content": "x" * 2001},
    {"embed": discord.Embed(title="t" * 257)},
    {"embed": discord.Embed(description="d" * 4097)},
    {"embed": discord.Embed(title="t").set_footer(text="f" * 2049)},
    {"embed": discord.Embed(title="t").set_author(name="a" * 257)},
    {"embed": fields(26)},
    {"embed": fields(1, 257)},
    {"embed": fields(1, 1, 1025)},
    {"embed": fields(1, 0)},
    {"embeds": [fields(5, 200, 1000), discord.Embed(title="t")]},
    {"content": "x", "nonce": "n" * 26},
]


async def test_limits_of_a_message(server: LoopbackDiscord, bot: Bot, general: int) -> None:
    channel = text_channel(bot, general)
    sent = [await channel.send(**given) for given in ALLOWED]  # type: ignore[arg-type]
    for given in FORBIDDEN:
        with pytest.raises(discord.HTTPException) as caught:
            await channel.send(**given)  # type: ignore[arg-type]
        assert (caught.value.status, caught.value.code) == (400, 50035)
    with pytest.raises(discord.HTTPException, match=r"In embeds\.0\.fields\.0\.value: Must be 1024"):
        await sent[0].edit(embed=fields(1, 1, 1025))
    with pytest.raises(discord.HTTPException) as caught:
        await channel.send(" "[1:])
    assert caught.value.code == 50006
    assert len(server.written) == len(ALLOWED)


async def test_same_nonce_same_message(server: LoopbackDiscord, bot: Bot, general: int) -> None:
    channel = text_channel(bot, general)
    one, two = [await channel.send("once", nonce="run-17") for _ in range(2)]
    other = await channel.send("once", nonce="run-18")
    assert one.id == two.id != other.id
    assert (await channel.send("no nonce")).id != (await channel.send("no nonce")).id
    assert len(server.written) == 4


async def test_permissions_to_write(server: LoopbackDiscord, bot: Bot, world: World, general: int) -> None:
    channel = text_channel(bot, general)
    embed = discord.Embed(title="Build")
    world.deny(general, Permission.EMBED_LINKS)
    assert (await channel.send("text", embed=embed)).embeds == []  # dropped in silence
    thread = bot.get_partial_messageable(world.add_thread(general), guild_id=world.guild.id)
    world.deny(general, Permission.SEND_MESSAGES)
    await thread.send("threads have a permission of their own")
    for permission, code in ((Permission.EMBED_LINKS, 50013), (Permission.VIEW_CHANNEL, 50001)):
        world.deny(general, permission)
        with pytest.raises(discord.Forbidden) as caught:
            await channel.send(embed=embed)
        assert caught.value.code == code


async def test_who_is_pinged(
    server: LoopbackDiscord, bot: Bot, world: World, general: int, ada: JsonObject
) -> None:
    channel = text_channel(bot, general)
    text = f"<@{ada['id']}> @everyone"
    assert (await channel.send(text)).mentions[0].id == id_of(ada)
    quiet = await channel.send(text, allowed_mentions=discord.AllowedMentions.none())
    assert (quiet.mentions, quiet.mention_everyone) == ([], False)
    user = discord.Object(id_of(ada))
    named = await channel.send(text, allowed_mentions=discord.AllowedMentions(users=[user], everyone=False))
    assert [one.id for one in named.mentions] == [id_of(ada)]
    assert server.written[1].body["allowed_mentions"] == {"parse": []}
    world.add_role(Permission.MENTION_EVERYONE, world.bot)
    assert (await channel.send(text)).mention_everyone


async def test_limited_edits_are_tried_five_times(server: LoopbackDiscord, bot: Bot, general: int) -> None:
    sent = await text_channel(bot, general).send("status")
    server.fail(r"/messages/\d+$", edits_limited(0.01), method="PATCH", times=5)
    with pytest.raises(discord.HTTPException) as caught:
        await sent.edit(content="new")
    assert (caught.value.status, caught.value.code) == (429, 30046)
    assert (await sent.edit(content="new")).content == "new"
    server.fail("/messages$", http_error(503), method="POST")
    with pytest.raises(discord.DiscordServerError):
        await sent.channel.send("heartbeat")


async def test_typing(bot: Bot, general: int) -> None:
    async with text_channel(bot, general).typing():
        pass
