"""Which model was trained on whose words: kept with the job, and refused where it would be a lie."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.building import Workplace
from tests.support.providers import LoopbackProvider
from tests.support.training import ENVIRONMENT, training_settings
from tuner.adapters.sqlite_jobs import Jobs
from tuner.adapters.sqlite_store import open_store
from tuner.cli.main import main
from tuner.errors import FatalError
from tuner.runs.lineage import lineage_of, sources_of
from tuner.runs.training import planned, start
from tuner.training.jobs import Job


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder with the sample's archive and dataset."""
    places = {
        "dataset.output_path": "records.jsonl",
        "dataset.stats_path": "stats.json",
        "store.path": "tuner.db",
    }
    changes = [f"{key}={tmp_path / name}" for key, name in places.items()]
    assert main(["build-dataset", "--sample", *(word for one in changes for word in ("--set", one))]) == 0
    return tmp_path


async def started(folder: Path) -> Job:
    async with LoopbackProvider() as provider:
        settings = training_settings(folder, provider.openai)
        async with open_store(folder / "tuner.db") as store:
            return await start(store, settings, ENVIRONMENT, await planned(settings, ENVIRONMENT), "a test")


def speakers(folder: Path) -> set[int]:
    """Everybody whose messages the records name."""
    lines = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    ids = {int(i) for line in lines for i in line["metadata"]["message_ids"]}
    rows = Workplace(folder).rows("SELECT id, speaker FROM messages")
    return {speaker for i, speaker in rows if i in ids}


async def test_build_and_people_are_kept(built: Path) -> None:
    job = await started(built)
    assert job.run_id == 1 and job.people_known
    async with open_store(built / "tuner.db") as store:
        jobs = Jobs(store)
        people = await jobs.people(job.id)
        assert people >= speakers(built) and all(person > 0 for person in people)
        someone = next(iter(people))
        assert [one.id for one in await jobs.trained_on(someone)] == [job.id]
        assert await jobs.trained_on(1) == []
        assert await jobs.unknown_people() == []


async def test_people_who_are_only_quoted_are_among_them(built: Path) -> None:
    """What a tool gave back is in the dataset too."""
    sources = sources_of(built / "records.jsonl")
    assert sources.quoted
    channel, minute, name = min(sources.quoted)
    lines = [json.loads(line) for line in (built / "records.jsonl").read_text().splitlines()]
    quoting = next(line for line in lines if f"[{minute}] {name}: " in json.dumps(line, ensure_ascii=False))
    quoting["metadata"]["message_ids"] = []
    (built / "records.jsonl").write_text(json.dumps(quoting, ensure_ascii=False) + "\n")
    async with open_store(built / "tuner.db") as store:
        lineage = await lineage_of(store, built / "records.jsonl", [])
        [(speaker,)] = await store.fetch("SELECT id FROM authors WHERE name = ?", (name,))
    assert lineage.people is not None and speaker in lineage.people
    assert channel == quoting["metadata"]["channel_id"]


async def test_words_that_were_erased_since_are_not_trained_on(built: Path) -> None:
    person = next(iter(speakers(built)))
    async with open_store(built / "tuner.db") as store, store.transaction() as db:
        await db.execute("UPDATE messages SET content = NULL WHERE speaker = ?", (person,))
    with pytest.raises(FatalError, match=r"holds .* messages? whose words were erased .* Build again"):
        await started(built)


async def test_files_of_two_builds_are_refused(built: Path) -> None:
    async with open_store(built / "tuner.db") as store, store.transaction() as db:
        [(files,)] = await db.execute_fetchall("SELECT files FROM runs")
        records, upload = json.loads(files)[:2]
        await db.execute("UPDATE runs SET files = ? WHERE id = 1", (json.dumps([records]),))
        await db.execute(
            "INSERT INTO runs (state, started_at, owner, options, files) VALUES ('finished', '', '', '{}', ?)",
            (json.dumps([upload]),),
        )
    with pytest.raises(FatalError, match="are not of one build"):
        await started(built)


@pytest.mark.parametrize("change", ["no records", "other archive", "foreign lines"])
async def test_what_cannot_be_told_is_not_claimed(built: Path, change: str) -> None:
    if change == "no records":
        (built / "records.jsonl").unlink()
    elif change == "other archive":
        for file in built.glob("tuner.db*"):
            file.unlink()
    else:
        with (built / "records.jsonl").open("a") as records:
            records.write('{"messages": []}\nnonsense\n[]\n{"metadata": {"channel_id": "x"}}\n')
    job = await started(built)
    assert not job.people_known
    async with open_store(built / "tuner.db") as store:
        assert [one.id for one in await Jobs(store).unknown_people()] == [job.id]


def test_the_list_says_of_whom(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(started(built))
    person = next(iter(speakers(built)))
    listing = ["train", "list", "--set", f"store.path={built / 'tuner.db'}", "--person"]
    capsys.readouterr()
    assert main([*listing, str(person)]) == 0
    assert "Job 1: " in capsys.readouterr().out
    assert main([*listing, "5"]) == 0
    assert capsys.readouterr().out == "No job with words of 5 in its dataset is known.\n"


def test_forgetting_names_the_models_that_know_the_words(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = asyncio.run(started(built))
    person = next(iter(speakers(built)))
    settings = {"store.path": built / "tuner.db", "dataset.output_path": built / "records.jsonl"}
    changes = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    assert main(["forget", str(person), *changes]) == 1  # there is no key, so nothing was deleted there
    told = capsys.readouterr()
    said = told.out
    assert "What was uploaded to the server was not deleted" in told.err
    assert f"Their words were in the datasets of training jobs: 1 at the server, {job.remote_id}." in said
    assert main(["forget", "5", *changes]) == 1
    assert "training jobs" not in capsys.readouterr().out
