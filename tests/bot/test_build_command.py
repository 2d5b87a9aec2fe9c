"""/tuner build: what is answered, which options are taken, and that only one build runs."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.support.building import Workplace
from tests.support.discord_faults import http_error
from tests.support.discord_interactions import Interaction
from tests.support.discord_world import FORUM, JsonObject, Permission, World, id_of
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_gateway import until
from tests.support.loopback_openai import LoopbackOpenAI
from tests.support.model_server import MODEL, approve_all
from tests.support.running_bot import MANAGE_GUILD, RunningBot, running_bot
from tests.support.talks import talk
from tuner.adapters.sqlite_runs import Runs
from tuner.adapters.sqlite_store import builder_lock
from tuner.progress import Tally

NO_ACCESS = http_error(403)


def field(message: JsonObject, name: str) -> str:
    """A field of a message's embed."""
    [value] = [one["value"] for one in message["embeds"][0]["fields"] if one["name"] == name]
    assert isinstance(value, str)
    return value


def runs(running: RunningBot) -> int:
    [(count,)] = running.paths.rows("SELECT count(*) FROM runs")
    assert isinstance(count, int)
    return count


# The answer and what follows it


async def test_it_is_answered_privately_and_at_once(running: RunningBot, ada: JsonObject, ops: int) -> None:
    with running.held():  # the answer waits for nothing that is read
        used = await running.use("build", {"max_samples": 25, "dry_run": True}, ada).answered()
    await running.ended()
    assert used.ephemeral
    assert used.content == (
        f"Build #1 started. It makes up to 25 samples and writes no dataset: a dry run. Progress is in <#{ops}>."
    )
    status, end = running.posted()
    assert status["embeds"][0]["title"] == "Build #1: finished"
    assert field(status, "Samples") == "25 of 25"
    assert end["content"].startswith(f"<@{ada['id']}> Build #1 is finished: 25 samples in ")
    assert end["content"].endswith("; this dry run spent nothing on models and wrote no dataset.")


async def test_a_dry_run_writes_no_dataset(running: RunningBot) -> None:
    await running.build({"dry_run": True})
    assert field(running.posted()[-1], "Samples") == "30"
    assert list(running.paths.folder.rglob("*.jsonl")) == []
    assert list(running.paths.folder.rglob("*.jsonl.*")) == []
    names = [one["name"] for one in running.posted()[-1]["embeds"][0]["fields"]]
    assert not any(name.startswith("Sample ") for name in names)  # words stay where they were


async def test_a_dry_run_shows_three_samples_where_records_may_be_attached(
    world: World, tools: int, ops: int, tmp_path: Path
) -> None:
    async with running_bot(world, tmp_path, {"discord.attach_records": True}) as running:
        await running.build({"dry_run": True})
        end = running.posted()[-1]
    names = [one["name"] for one in end["embeds"][0]["fields"]]
    assert [name for name in names if name.startswith("Sample ")] == ["Sample 1", "Sample 2", "Sample 3"]
    assert field(end, "Sample 1").startswith("user ") and "\nassistant " in field(end, "Sample 1")


async def test_the_records_are_those_of_the_headless_command(
    running: RunningBot, tools: int, tmp_path: Path
) -> None:
    await running.build()
    files = {file.name: file.read_bytes() for file in tmp_path.glob("*.jsonl")}
    assert len(files[running.paths.records.name].splitlines()) == 30
    await running.paths.build(running.server, [tools])
    assert {file.name: file.read_bytes() for file in tmp_path.glob("*.jsonl")} == files
    (tmp_path / "afresh").mkdir()
    afresh = Workplace(tmp_path / "afresh")
    await afresh.build(running.server, [tools])
    assert afresh.records.read_bytes() == files[running.paths.records.name]


async def test_the_end_names_the_files(running: RunningBot) -> None:
    await running.build()
    dataset = field(running.posted()[-1], "Dataset")
    for name in ("path", "sha256"):
        for file in json.loads((running.paths.folder / "stats.json").read_text())["files"]:
            assert f"`{file[name]}`" in dataset


# Options


async def test_options_lie_over_the_configuration(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    talk(world, "lamps")
    changes = {"dataset.max_samples": 3, "dataset.dry_run": True}
    async with running_bot(world, tmp_path, changes) as running:
        used = await running.build({"dry_run": False, "channel": str(tools)})
        assert "up to 3 samples." in used.content
        assert len(running.paths.records.read_text().splitlines()) == 3
        assert field(running.posted()[-1], "Channels").count("\n") == 0
        used = await running.build({"max_samples": 2, "earliest": "2024-01-02"})
        assert "up to 2 samples and writes no dataset" in used.content
        assert field(running.posted()[-1], "Samples") == "2 of 2"
        used = await running.build()  # what one person chose is not kept for the next
        assert "up to 3 samples and writes no dataset" in used.content


async def test_everything_is_read_again_when_asked(running: RunningBot, tools: int) -> None:
    await running.build()
    read = len(running.server.history_requests(tools))
    await running.build()
    assert len(running.server.history_requests(tools)) == read
    await running.build({"reread": True})
    assert len(running.server.history_requests(tools)) > read


async def test_earliest_leaves_out_what_is_older(running: RunningBot, world: World, tools: int) -> None:
    await running.build({"earliest": "2024-01-02"})
    newer = [one for one in world.channels[tools].messages if one["timestamp"] >= "2024-01-02"]
    assert field(running.posted()[-1], "Messages read").startswith(f"{len(newer)} in ")
    assert 0 < len(newer) < 60


@pytest.mark.parametrize("earliest", ["yesterday", "2024-13-40", "@everyone", "9999-01-01"])
async def test_an_earliest_that_is_no_date(running: RunningBot, earliest: str) -> None:
    used = await running.use("build", {"earliest": earliest}).answered()
    assert used.ephemeral
    assert "- earliest: should" in used.content and "Traceback" not in used.content
    assert used.data["allowed_mentions"] == {"parse": []}
    assert runs(running) == 0


async def test_a_channel_outside_the_whitelist(running: RunningBot, world: World, ops: int) -> None:
    for channel in (str(ops), "tools", "0", "1" * 30):
        used = await running.use("build", {"channel": channel}).answered()
        assert used.ephemeral and "not in `dataset.channels`" in used.content
    assert runs(running) == 0
    assert running.server.history_requests() == []


async def test_only_whitelisted_channels_are_offered(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    secret = world.add_channel("tools-of-others")
    lamps = world.add_channel("lamps")
    chosen = {"dataset.channels": [str(tools), str(lamps)]}
    async with running_bot(world, tmp_path, chosen) as running:

        async def offered(typed: str, permissions: int = MANAGE_GUILD) -> list[JsonObject]:
            asked = running.server.autocomplete(
                "tuner build", "channel", typed, user=ada, permissions=permissions
            )
            return (await asked.answered()).choices

        assert [(one["name"], one["value"]) for one in await offered("")] == [
            ("#tools", str(tools)),
            ("#lamps", str(lamps)),
        ]
        assert [one["value"] for one in await offered("#TOO")] == [str(tools)]
        assert [one["value"] for one in await offered(str(lamps))] == [str(lamps)]
        assert await offered(str(secret)) == []
        assert await offered("nothing like it") == []


async def test_at_most_25_channels_are_offered(
    world: World, ada: JsonObject, ops: int, tmp_path: Path
) -> None:
    for number in range(40):
        world.add_channel(f"{'🦊' * 32}{number}"[-100:])
    async with running_bot(world, tmp_path) as running:
        asked = running.server.autocomplete("tuner build", "channel", "", user=ada, permissions=MANAGE_GUILD)
        assert len((await asked.answered()).choices) == 25


# Estimate


async def test_an_estimate_asks_no_model_and_says_what_a_build_will(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    async with LoopbackOpenAI(approve_all) as models:
        changes = {"models.segment": MODEL, "openai.base_url": models.url, "models.backoff_seconds": 0}
        environment = {"OPENAI_API_KEY": models.key}
        async with running_bot(world, tmp_path, changes, environment=environment) as running:
            used = await running.build({"estimate": True}, ada)
            assert "no model is asked" in used.content
            assert models.requests == []
            end = running.posted()[-1]
            assert end["content"] == f"<@{ada['id']}> The estimate of build #1 is ready."
            said = re.fullmatch(
                r"30 segments, (\d+) model calls\n(?:about )?([\d,]+) \+ ([\d,]+) tokens, \$([\d.]+)",
                field(end, "Estimate"),
            )
            assert said and float(said[4]) > 0
            assert not running.paths.records.exists()
            await running.build()
            assert len(models.requests) == int(said[1])
            assert len(running.paths.records.read_text().splitlines()) == 30


async def test_an_estimate_looks_like_no_build(running: RunningBot) -> None:
    await running.build({"estimate": True, "max_samples": 20})
    closed, end = (message["embeds"][0] for message in running.posted())
    assert (closed["title"], end["title"]) == ("Estimate #1: finished", "Estimate #1: finished")
    assert not closed.get("fields")
    names = {one["name"] for one in end["fields"]}
    assert "Estimate" in names and not names & {"Approved", "Samples", "Synthetic tool calls", "Model calls"}
    assert "refine" not in json.dumps(end)
    used = await running.use("status").edited()
    assert used.original is not None
    line = field(used.original, "Last builds")
    assert re.fullmatch(r"#1 \(estimate\) finished, \d{4}-\d\d-\d\d \d\d:\d\d UTC", line)


async def test_an_estimate_that_is_ended_is_still_one(running: RunningBot, ada: JsonObject) -> None:
    with running.held():
        await running.use("build", {"estimate": True}, ada).answered()
        await until(running.posted)
        await running.bot.builds.cancel("the test")
    closed, end = running.posted()
    assert end["content"] == f"<@{ada['id']}> Estimate #1 is interrupted."
    assert closed["embeds"][0]["title"] == end["embeds"][0]["title"] == "Estimate #1: interrupted"
    assert not {"Samples", "Model calls"} & {one["name"] for one in end["embeds"][0]["fields"]}


async def test_an_estimate_whose_process_died_is_still_one(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    async with running_bot(world, tmp_path) as running:
        number = await Runs(running.store).start("ada", {"dry_run": False, "estimate": True})
        await Runs(running.store).update(number, Tally(run_id=number).snapshot())
    async with running_bot(world, tmp_path) as running:
        await until(running.posted)
        [end] = running.posted()
        assert end["content"].startswith("Estimate #1 was interrupted.")
        assert end["embeds"][0]["title"] == "Estimate #1: interrupted"


# One at a time


async def test_a_second_build_is_told_who_runs(running: RunningBot, world: World, ops: int) -> None:
    bo = world.add_user("bo")
    with running.held():
        await running.use("build").answered()
        [status] = await until(running.posted)
        await until(lambda: running.bot.builds.url)
        used = await running.use("build", user=bo).answered()
        await running.bot.builds.cancel("the test")
    assert used.ephemeral
    assert re.fullmatch(
        r"Build #1 is running: started by \u2068ada in Discord\u2069 at 20\d\d-\d\d-\d\d \d\d:\d\d UTC, 0 messages "
        rf"read, 0 samples\. https://discord\.com/channels/{world.guild.id}/{ops}/{status['id']}",
        used.content,
    )
    assert runs(running) == 1


async def test_a_build_of_another_process_is_told_of(running: RunningBot) -> None:
    with builder_lock(running.paths.archive) as free:
        assert free
        await Runs(running.store).start("command line on <@&1>", {})
        used = await running.use("build").answered()
    assert "started by \u2068command line on ‹@&1>\u2069 at" in used.content.replace("\u200b", "")
    assert runs(running) == 1


async def test_ten_quick_builds_from_several_people(
    running: RunningBot, world: World, ada: JsonObject, ops: int
) -> None:
    allowed = [ada, world.add_user("bo"), world.add_user("cleo")]
    stranger = world.add_user("mallory")
    with running.held():
        uses: list[tuple[bool, Interaction]] = []
        for number in range(10):
            may = number % 3 != 2
            user = allowed[number % 3] if may else stranger
            uses.append((may, running.use("build", user=user, permissions=MANAGE_GUILD if may else 0)))
        await asyncio.gather(*(used.answered() for _, used in uses))
        assert all(used.ephemeral for _, used in uses)
        refused = [used.content for may, used in uses if not may]
        assert len(refused) == 3
        assert all(text.startswith("Only people who may manage this server") for text in refused)
        answers = [used.content for may, used in uses if may]
        started = [text for text in answers if text.startswith("Build #1 started.")]
        assert len(started) == 1
        told = [text for text in answers if text not in started]
        assert len(told) == 6
        for text in told:
            assert re.match(r"Build #1 is running: started by \u2068(ada|bo|cleo) in Discord\u2069 at ", text)
            assert f"/{ops}/" in text or text.endswith(f"<#{ops}>")
        await running.bot.builds.cancel("the test")
    assert runs(running) == 1


# Where progress goes


async def test_an_admin_channel_that_is_gone(running: RunningBot, ops: int) -> None:
    running.server.delete_channel(ops)
    await until(lambda: running.bot.get_channel(ops) is None)
    used = await running.use("build").answered()
    assert used.ephemeral
    assert used.content == f"Nothing was started: the admin channel {ops} does not exist any more."
    assert runs(running) == 0


async def test_an_admin_channel_of_a_server_that_the_bot_is_not_in(
    world: World, ada: JsonObject, tools: int, tmp_path: Path
) -> None:
    changes = {"discord.admin_channel": "123456789012345678", "discord.guild": str(world.guild.id)}
    async with running_bot(world, tmp_path, changes) as running:
        running.server.fail("/channels/123456789012345678$", NO_ACCESS)
        used = await running.use("build").answered()
        assert used.content == (
            "Nothing was started: the bot may not see the admin channel <#123456789012345678>."
        )
        assert runs(running) == 0


@pytest.mark.parametrize(
    ("denied", "changes", "said"),
    [
        (Permission.VIEW_CHANNEL, {}, "View Channel"),
        (Permission.SEND_MESSAGES, {}, "Send Messages."),
        (Permission.EMBED_LINKS, {}, "lacks Embed Links."),
        (Permission.ATTACH_FILES, {"discord.attach_records": True}, "lacks Attach Files."),
    ],
)
async def test_an_admin_channel_with_too_few_permissions(
    world: World,
    ada: JsonObject,
    tools: int,
    ops: int,
    tmp_path: Path,
    denied: Permission,
    changes: dict[str, bool],
    said: str,
) -> None:
    world.deny(ops, denied)
    async with running_bot(world, tmp_path, changes) as running:
        used = await running.use("build").answered()
        assert used.ephemeral
        assert used.content.startswith("Nothing was started: in the admin channel")
        assert said in used.content
        assert runs(running) == 0
        assert running.server.history_requests() == []


async def test_files_need_no_permission_where_none_are_attached(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    world.deny(ops, Permission.ATTACH_FILES)
    async with running_bot(world, tmp_path) as running:
        used = await running.build()
        assert used.content.startswith("Build #1 started.")
        assert id_of(running.posted()[-1])


async def test_no_admin_channel_is_configured(
    world: World, ada: JsonObject, tools: int, tmp_path: Path
) -> None:
    async with running_bot(world, tmp_path) as running:
        used = await running.use("build").answered()
        assert "set `discord.admin_channel`" in used.content
        assert runs(running) == 0


async def test_an_admin_channel_that_holds_no_text(
    world: World, ada: JsonObject, tools: int, tmp_path: Path
) -> None:
    forum = world.add_channel("ideas", FORUM)
    chosen = {"discord.admin_channel": str(forum), "dataset.channels": [str(tools)]}
    async with running_bot(world, tmp_path, chosen) as running:
        used = await running.use("build").answered()
        assert used.content.endswith("is no text channel.")
        assert runs(running) == 0


async def test_a_thread_may_be_the_admin_channel(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    thread = world.add_thread(ops, "builds", joined=True)
    async with running_bot(world, tmp_path, {"discord.admin_channel": str(thread)}) as running:
        used = await running.build({"dry_run": True})
        assert used.content.endswith(f"Progress is in <#{thread}>.")
        assert len(running.posted()) == 2


async def test_what_keeps_a_build_from_starting_is_said(
    world: World, ada: JsonObject, tools: int, ops: int, tmp_path: Path
) -> None:
    async with running_bot(world, tmp_path, {"models.segment": MODEL}) as running:
        used = await running.use("build").answered()
        assert used.ephemeral
        assert "needs the environment variable OPENAI_API_KEY" in used.content
        assert runs(running) == 0
        assert running.posted() == []


async def test_words_of_who_is_no_longer_allowed_are_erased_when_that_is_confirmed(
    world: World, tools: int, ops: int, tmp_path: Path
) -> None:
    authors = sorted({message["author"]["id"] for message in world.channels[tools].messages})
    async with LoopbackDiscord(world) as server:
        async with running_bot(world, tmp_path, server=server) as running:
            await running.build()
            whole = running.paths.contents(tools)
        narrow = {"dataset.allowed_users": authors[:1]}
        async with running_bot(world, tmp_path, narrow, server=server) as running:
            await running.build()
            said = running.posted()[-1]["embeds"][0]["description"]
            assert "19 people whose words are stored: 57 messages would be erased" in said
            assert "confirm:True" in said
            assert running.paths.contents(tools) == whole
            await running.build({"dry_run": True})
            assert running.paths.contents(tools) == whole
            await running.build({"confirm": True})
            assert running.paths.contents(tools).count(None) == 57
