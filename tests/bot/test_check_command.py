"""/tuner check: the same look at everything, answered to whoever asked."""

from pathlib import Path

from bot.cogs.check import check_embed
from tests.support.discord_world import JsonObject, Permission, World
from tests.support.running_bot import running_bot
from tuner.config.readiness import Finding


async def test_it_says_what_stands_in_the_way(
    world: World, tmp_path: Path, ada: JsonObject, tools: int, ops: int
) -> None:
    async with running_bot(world, tmp_path) as running:
        used = await running.use("check").edited()
        assert used.ephemeral and used.original is not None
        [embed] = used.original["embeds"]
        assert "#tools" in embed["description"] and "can be read" in embed["description"]
        world.deny(tools, Permission.READ_MESSAGE_HISTORY)
        used = await running.use("check").edited()
        assert used.original is not None
        [embed] = used.original["embeds"]
        assert embed["title"] == "A build could not run yet"
        assert "lacks Read Message History" in embed["description"]


def test_findings_of_any_length_fit() -> None:
    found = [Finding(f"#**{i}** [x](y)", "bad", "@everyone " * 90, "# do\n" * 200) for i in range(50)]
    embed = check_embed([*found, Finding("token", "unset", "is not set.")])
    assert len(embed) <= 6000 and embed.description is not None
    assert embed.description.startswith("❌ **\u2068token\u2069**")
    assert "@everyone" not in embed.description and "\n# " not in embed.description
