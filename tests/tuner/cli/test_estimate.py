"""`build-dataset --estimate` and `--dry-run`: what is known before money or hours are spent."""

import json
import re
from pathlib import Path

import pytest

from tests.support.discord_faults import Answer, http_error
from tests.support.discord_world import World
from tests.support.exports import PEOPLE, server, user_id, write_exports
from tests.support.loopback_discord import LoggedRequest, LoopbackDiscord, patched
from tests.support.loopback_openai import LoopbackOpenAI
from tests.support.model_server import approve_all
from tests.support.talks import talk
from tests.support.threaded import in_thread
from tuner.cli.main import main


class Place:
    """A folder, a server, and what the command said."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self.faults: list[Answer] = []
        self.requests: list[LoggedRequest] = []
        self._capsys = capsys

    def estimate(self, channels: list[int], *more: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        options = ("--set", "collect.backoff_seconds=0", "--set", "collect.requests_per_second=50")
        with in_thread(LoopbackDiscord(self.world)) as discord, patched(discord):
            for fault in self.faults:
                discord.fail("/messages/search", fault, times=1 if fault.status == 202 else None)
            code = main(["build-dataset", "--estimate", "-c", *map(str, channels), *options, *more])
            self.requests = list(discord.requests)
        said = self._capsys.readouterr()
        return code, said.out, said.err

    @property
    def searches(self) -> int:
        return sum(one.path.endswith("/messages/search") for one in self.requests)

    @property
    def pages(self) -> int:
        return sum(one.is_history for one in self.requests)


@pytest.fixture
def place(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCORD_API_TOKEN", "test-token")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    Path("config.toml").write_text("[discord]\nacknowledge_policy = true\n[models]\nsegment = 'gpt-6-luna'\n")
    return Place(world, capsys)


def test_before_reading_the_search_says_how_much_there_is(place: Place, world: World) -> None:
    tools, general = talk(world, "tools"), world.add_channel("general")
    world.fill(general, 5000)
    world.fill(world.add_thread(general, "planning"), 1000)
    code, out, err = place.estimate([tools, general])
    assert (code, err) == (0, "")
    assert "Estimate, before anything was read:" in out
    assert "Discord finds  6,060 messages in 2 channels" in out
    assert "about 6,060 messages, which takes 31.0 s or more" in out
    assert "samples        about 866" in out
    assert re.search(r"model calls    about 185, with about [\d,]+ \+ [\d,]+ tokens: about \$0\.04\d+", out)
    assert "of these       about 76 to judge doubtful links (segment.judge_share)" in out
    assert "Run " not in out and "0 samples" not in out
    assert (place.searches, place.pages) == (1, 0)
    assert not Path("data").exists()


def test_before_reading_calls_for_tools_are_reckoned_with(place: Place, world: World) -> None:
    general = world.add_channel("general")
    world.fill(general, 400)
    code, out, _ = place.estimate(
        [general], "--set", "models.tool_trigger=gpt-6-luna", "--set", "models.segment=rules"
    )
    assert code == 0
    assert re.search(r"model calls    about 12, with about 1,920 \+ 240 tokens: about \$0\.0003", out)
    assert "of these       about 12 to look up earlier talk, two where somebody recalls it" in out


def test_only_words_that_may_be_used_become_samples(place: Place, world: World) -> None:
    tools = talk(world, "tools")
    [someone, *_] = {m["author"]["id"] for m in world.channels[tools].messages}
    mine = sum(m["author"]["id"] == someone for m in world.channels[tools].messages)
    code, out, _ = place.estimate([tools], "-u", someone)
    assert (
        code == 0
        and f"60 messages in 1 channel and its active threads, {mine} of them by the 1 person" in out
    )
    assert place.searches == 2
    code, out, err = place.estimate([tools], "-u", "5")
    assert (code, out) == (1, "")
    assert "Nobody in --allowed-users wrote anything there" in err and "60 messages" in err


def test_many_people_are_asked_about_in_portions(place: Place, world: World) -> None:
    tools = talk(world, "tools")
    people = sorted({m["author"]["id"] for m in world.channels[tools].messages})
    code, out, _ = place.estimate([tools], "-u", *people, *map(str, range(1, 200)))
    assert code == 0 and "60 of them by the" in out
    assert place.searches == 1 + 3


def test_an_index_in_the_making_is_waited_for(place: Place, world: World) -> None:
    place.faults = [Answer(202, {"message": "Index not yet available", "code": 110000, "retry_after": 0})]
    code, out, _ = place.estimate([talk(world, "tools")])
    assert code == 0 and "Discord finds  60 messages" in out and place.searches == 2


@pytest.mark.parametrize(
    "fault",
    [
        http_error(404, "404: Not Found"),
        http_error(403, "Missing Access", 50001),
        http_error(400, "Invalid Form Body", 50035),
        Answer(200, {"messages": []}),
        Answer(200, []),
        Answer(200, {"total_results": None}),
        http_error(503, "busy"),
    ],
)
def test_without_a_search_it_reads_and_counts(place: Place, world: World, fault: Answer) -> None:
    place.faults = [fault]
    code, out, _ = place.estimate([talk(world, "tools")])
    assert code == 0 and place.pages == 1
    assert "Estimate (run 1), from 60 stored messages:" in out
    assert "samples        up to 30, if everything is approved" in out
    assert "model calls    4, with " in out and "0 samples" not in out
    assert not Path("data/finetune").exists() and Path("data/tuner.db").exists()
    assert main(["status"]) == 0


@pytest.mark.parametrize(("new", "read_first"), [(0, True), (59, True), (61, False)])
def test_an_archive_that_holds_most_is_counted(
    place: Place, world: World, new: int, read_first: bool
) -> None:
    tools = talk(world, "tools")
    place.faults = [http_error(404, "404: Not Found")]
    place.estimate([tools])  # without a search, it reads
    place.faults = []
    world.fill(tools, new)
    code, out, _ = place.estimate([tools])
    assert code == 0 and "0.0 s" not in out and "up to about" not in out
    if read_first:
        assert f"Estimate (run 2), from {60 + new} stored messages:" in out
        assert f"read now       {new} messages" in out
        assert "samples        up to " in out
    else:
        assert "Estimate, before anything was read:" in out
        assert f"to be read     about {new} messages, which takes 1.0 s or more" in out


def test_channels_that_hold_nothing_are_counted(place: Place, world: World) -> None:
    code, out, _ = place.estimate([world.add_channel("quiet")])
    assert code == 0 and "from 0 stored messages" in out and "0.0 s" not in out


def test_its_counts_can_be_piped(place: Place, world: World) -> None:
    code, out, err = place.estimate([talk(world, "tools")], "--print-stats", "--max-samples", "5")
    assert code == 0 and json.loads(out)["estimate"]["segments"] == 5
    assert "samples        about 5, all that are wanted" in err


def test_exports_are_counted(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    write_exports(Path("exports"), server(300, ["general"]))
    assert main(["build-dataset", "--from-export", "exports", "--estimate"]) == 0
    said = capsys.readouterr().out
    assert "from 300 stored messages" in said and "0 samples" not in said
    assert main(["status"]) == 0
    assert "1 (estimate) finished" in capsys.readouterr().out


# -- the dry run, and nobody -------------------------------------------------------


def test_a_dry_run_shows_three_samples_and_what_it_spent(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_exports(Path("exports"), server(300, ["general"]))
    with in_thread(LoopbackOpenAI(approve_all)) as model:
        monkeypatch.setenv("OPENAI_API_KEY", model.key)
        options = ("--set", f"openai.base_url={model.url}", "--max-samples", "4")
        assert main(["build-dataset", "--from-export", "exports", "--dry-run", *options]) == 0
        said = capsys.readouterr().out
        assert "A dry run asks the models as a build does" in said
        assert re.search(r"this dry run spent \$0\.000\d on models and wrote no dataset", said)
        assert [line for line in said.splitlines() if line.startswith("Sample ")] == [
            f"Sample {i}:" for i in (1, 2, 3)
        ]
        assert re.search(r"\n  user      \w+ said: ↵ ", said) and "\n  assistant " in said
        assert not Path("data/finetune/records.jsonl").exists()
        assert main(["build-dataset", "--from-export", "exports", *options]) == 0
        assert "Sample 1" not in capsys.readouterr().out


def test_nobody_allowed_wrote_anything(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    write_exports(Path("exports"), server(300, ["general"]))
    for more in ((), ("--estimate",), ("--dry-run",)):
        command = [
            "build-dataset",
            "--from-export",
            "exports",
            "-u",
            "5",
            "6",
            "--set",
            "models.segment=rules",
        ]
        assert main([*command, *more]) == 1
        said = capsys.readouterr().err
        assert "Nobody in --allowed-users (2 ids) wrote anything in the 1 channel that was read" in said
        assert "300 messages by others" in said
    by_set = [*command[:3], "--set", "dataset.allowed_users=[5, 6]", *command[6:]]
    assert main(by_set) == 1
    assert "Nobody in dataset.allowed_users (2 ids) wrote anything" in capsys.readouterr().err
    assert main([*command, "-u", *(str(user_id(name)) for name in PEOPLE)]) == 0
