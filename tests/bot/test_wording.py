"""What others wrote stays as written in Discord and does nothing, wherever the bot repeats it."""

import re
from pathlib import Path

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tree import words
from bot.wording import inert, plain
from tests.support.discord_world import JsonObject, Permission, World
from tests.support.running_bot import RunningBot, running_bot
from tests.support.talks import talk
from tuner.errors import FatalError, UsageError

LINK = "[click](https://evil.example/x)"
NESTED = f"[a](b) {LINK} [[a](b)](https://evil.example/y)"
LIVE = [
    re.compile(r"(?<!\\)\[[^\]]*(?<!\\)\]\("),  # a masked link
    re.compile(r"\w+://(?!discord\.com/)"),  # a bare one
    re.compile(r"discord\.gg/|discord(app)?\.com/invite/"),
    re.compile(r"@(everyone|here)|<@[!&]?\d+>|<#\d+>|</[^>]*:\d+>|<a?:\w+:\d+>|<t:\d+>|<id:\w+>"),
    re.compile(r"(?m)^\s*(#{1,3} |-# |>>> |> |- |\* )"),
    re.compile(r"(?<!\\)(\*\*|__|~~|\|\||```)"),
]

OURS = re.compile(r"<[@#]\d+>|https://discord\.com/channels/[\d/]+")  # what the bot itself puts in


def alive(text: str) -> list[str]:
    """What would do something in Discord."""
    return [match[0] for pattern in LIVE for match in pattern.finditer(text)]


@pytest.mark.parametrize(
    "text",
    [
        LINK,
        NESTED,
        f"the channel {LINK} cannot be read\n# big\n> quote\n- list\n-# small",
        "<https://evil.example> steam://run https://evil.example",
        "discord.gg/abc, https://discord.com/invite/abc and discordapp.com/invite/abc",
        "@everyone @here <@1> <@!1> <@&1> <#1> </x:1> <:a:1> <a:b:1> <t:1> <id:guide>",
        "**b** __u__ a__b__c ~~s~~ ||p|| `c` ```\nblock\n```",
        "_it_ and snake_case_name",
        "\\[click](https://evil.example)",
    ],
)
def test_nothing_works(text: str) -> None:
    for said in (inert(text), plain(text, 1000), words(FatalError(text)), words(UsageError(text))):
        assert not alive(said), said


@given(st.text("[]()\\_*|~`<>@#:/- \nahtpseveryonehere.gdiscord0", max_size=60))
def test_nothing_works_whatever_is_put_together(text: str) -> None:
    assert not alive(inert(text))
    assert not alive(plain(text))


def test_a_sentence_stays_readable() -> None:
    said = (
        "The key comes from OPENAI_API_KEY (see https://discord.com/developers/applications → Bot).\nSet it."
    )
    assert inert(said) == said


# Through the bot


@pytest.fixture
def named(world: World) -> int:
    """A channel whose name is a link."""
    return talk(world, LINK, 2)


def shown(running: RunningBot) -> list[str]:
    """Every text that the bot wrote anywhere in Discord."""
    found: list[str] = []
    for written in running.server.written:
        found.append(written.message["content"])
        for embed in written.message["embeds"]:
            fields = [part for field in embed.get("fields", []) for part in (field["name"], field["value"])]
            found += [embed.get("title", ""), embed.get("description", ""), *fields]
    return [text for text in found if text]


async def test_a_channel_named_as_a_link_that_cannot_be_read(
    world: World, ada: JsonObject, named: int, ops: int, tmp_path: Path
) -> None:
    world.deny(named, Permission.READ_MESSAGE_HISTORY)
    async with running_bot(world, tmp_path) as running:
        await running.build(user=ada)
        await running.use("status", user=ada).edited()
        texts = shown(running)
    assert any("click" in text for text in texts)
    assert not [one for text in texts for one in alive(OURS.sub("", text))]


async def test_names_of_people_and_channels(world: World, named: int, ops: int, tmp_path: Path) -> None:
    eve = world.add_user("eve", global_name=NESTED[:32])
    async with running_bot(world, tmp_path) as running:
        with running.held():
            await running.use("build", user=eve).answered()
            second = await running.use("build", user=eve).answered()
            await running.use("cancel", user=eve).edited()
        await running.build(user=eve)
        await running.use("status", user=eve).edited()
        texts = [*shown(running), second.content]
    assert any("click" in text for text in texts)
    assert not [one for text in texts for one in alive(OURS.sub("", text))]


async def test_what_keeps_a_build_from_starting(running: RunningBot, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*given: object) -> int:
        raise FatalError(f"#{LINK} is in the way.")

    monkeypatch.setattr(running.bot.builds, "start", refused)
    used = await running.use("build").answered()
    assert "click" in used.content
    assert not alive(used.content)
    assert used.data["allowed_mentions"] == discord.AllowedMentions.none().to_dict()
