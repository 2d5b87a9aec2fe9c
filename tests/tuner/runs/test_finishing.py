"""What a build replaces, what stays beside it, and when it replaces nothing."""

from pathlib import Path

import pytest

from tests.support.building import Workplace
from tests.support.discord_world import World
from tests.support.exports import joined, server, write_exports
from tests.support.loopback_discord import LoopbackDiscord
from tests.support.loopback_openai import SERVER_ERROR, LoopbackOpenAI
from tests.support.model_server import approve_all, build_with_model
from tests.support.talks import talk
from tuner.adapters.switch import replacing
from tuner.dataset.succession import nothing, objection
from tuner.errors import FatalError, UsageError
from tuner.progress import Tally


def datasets(work: Workplace) -> dict[str, int]:
    """Names of the dataset files → lines."""
    return {path.name: path.read_bytes().count(b"\n") for path in sorted(work.folder.glob("*.jsonl"))}


async def test_a_smaller_dataset_keeps_the_one_before_under_its_runs_number(
    world: World, work: Workplace
) -> None:
    channel = talk(world, "tools")
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel])
        whole = work.records.read_bytes()
        stats = await work.build(server, [channel], {"dataset.max_samples": 5})
    kept = work.folder / "records.run-1.jsonl"
    assert datasets(work) == {
        "records.jsonl": 5,
        "records.openai.train.jsonl": 5,
        "records.run-1.jsonl": 30,
        "records.run-1.openai.train.jsonl": 30,
    }
    assert kept.read_bytes() == whole
    said = f"{work.records}: 5 samples took the place of 30 of run 1, which are kept in {kept}."
    assert said in stats.counts["notes"]
    assert stats.counts["replaced"] == [
        {
            "path": str(work.records),
            "lines": 5,
            "lines_before": 30,
            "run_before": 1,
            "kept": str(kept),
            "why": "",
        }
    ]


async def test_the_same_dataset_again_is_no_replacement(world: World, work: Workplace) -> None:
    channel = talk(world, "tools", 12)
    async with LoopbackDiscord(world) as server:
        await work.build(server, [channel])
        stats = await work.build(server, [channel])
        await work.build(server, [channel], {"dataset.max_samples": 5})
    assert stats.counts["replaced"] == []
    assert sorted(datasets(work)) == [
        "records.jsonl",
        "records.openai.train.jsonl",
        "records.run-2.jsonl",  # it made the same file again
        "records.run-2.openai.train.jsonl",
    ]


@pytest.mark.parametrize(("most", "kept"), [(0, []), (1, ["run-3"]), (2, ["run-2", "run-3"])])
async def test_how_many_are_kept_is_a_setting(
    world: World, work: Workplace, most: int, kept: list[str]
) -> None:
    channel = talk(world, "tools", 12)
    async with LoopbackDiscord(world) as server:
        for samples in (12, 11, 10, 11):
            await work.build(
                server, [channel], {"dataset.max_samples": samples, "export.keep_replaced": most}
            )
    expected = {"records.jsonl", "records.openai.train.jsonl"}
    expected |= {f"records.{mark}{profile}.jsonl" for mark in kept for profile in ("", ".openai.train")}
    assert set(datasets(work)) == expected


async def test_a_file_that_no_run_made_is_kept_too_and_names_that_are_taken_are_not_taken(
    world: World, work: Workplace
) -> None:
    channel = talk(world, "tools", 12)
    work.records.write_text("by hand\n")
    taken = work.folder / "records.before-run-1.openai.train.jsonl"
    taken.write_text("mine\n")
    async with LoopbackDiscord(world) as server:
        stats = await work.build(server, [channel])
    assert (work.folder / "records.before-run-1-2.jsonl").read_text() == "by hand\n"
    assert taken.read_text() == "mine\n"
    [replaced] = stats.counts["replaced"]
    assert (replaced["lines_before"], replaced["run_before"]) == (1, None)


async def test_a_page_that_no_build_wrote_is_not_replaced(world: World, work: Workplace) -> None:
    channel = talk(world, "tools", 12)
    page, changes = work.folder / "README.md", {"dataset.output_path": str(work.folder / "README.jsonl")}
    page.write_text("# Our server\n")
    async with LoopbackDiscord(world) as server:
        with pytest.raises(UsageError, match=r"README\.md was not written by a build"):
            await work.build(server, [channel], changes)
        assert page.read_text() == "# Our server\n"
        page.unlink()
        await work.build(server, [channel], changes)
        first = page.read_text()
        await work.build(server, [channel], changes | {"dataset.max_samples": 5})
    assert first != page.read_text()
    assert (work.folder / "README.run-2.md").read_text() == first


async def test_a_second_archive_does_not_overwrite_what_the_first_one_kept(
    world: World, work: Workplace
) -> None:
    channel = talk(world, "tools", 12)
    other = Workplace(work.folder / "other")
    other.folder.mkdir()
    async with LoopbackDiscord(world) as server:
        for archive in (work, other):
            for samples in (12, 11):
                changes = {"dataset.output_path": str(work.records), "dataset.max_samples": samples}
                await archive.build(server, [channel], changes)
    assert {"records.run-1.jsonl", "records.before-run-1.jsonl", "records.run-1-2.jsonl"} < set(
        datasets(work)
    )


async def test_another_build_into_the_same_files_is_refused_before_it_reads(
    world: World, work: Workplace
) -> None:
    channel = talk(world, "tools", 12)
    async with LoopbackDiscord(world) as server, LoopbackDiscord(world) as untouched:
        async with replacing(work.records):
            with pytest.raises(FatalError, match="is being written by another run"):
                await work.build(untouched, [channel])
        assert not [one for one in untouched.requests if one.path.startswith(("/channels", "/guilds"))]
        await work.build(server, [channel])


# -- when nothing is replaced ------------------------------------------------------------


def counted(came: int, went: int, **dropped: int) -> Tally:
    tally = Tally(samples=went)
    tally.came("segment", 4 * came)
    tally.came("refine", came)
    tally.went("refine", went)
    for why, count in dropped.items():
        tally.dropped("refine", why.replace("_", " "), count)
    return tally


def test_a_model_that_dies_replaces_nothing() -> None:
    why = objection(counted(271, 40, failed=231), 0.2, 271)
    assert why.startswith("The model gave no verdict about 231 of 271 conversations, more than ")
    assert "models.most_undecided = 0.2" in why and "(refine: failed (231))" in why


@pytest.mark.parametrize(
    ("tally", "most"),
    [
        (counted(10, 8, failed=2), 0.2),
        (counted(10, 1, failed=9), 1.0),
        (counted(10, 2, rejected=8), 0.0),
    ],
)
def test_the_stated_share_may_stay_undecided_and_rejections_are_verdicts(tally: Tally, most: float) -> None:
    assert objection(tally, most, 500) == ""


def test_a_dead_model_is_named_before_the_missing_samples() -> None:
    assert objection(counted(10, 0, failed=10), 0.2, 0).startswith("The model gave no verdict about 10 of 10")


def test_a_spent_budget_keeps_the_larger_dataset_only() -> None:
    tally = counted(100, 40, the_budget_is_spent=60)
    assert objection(tally, 0.2, 41).startswith(
        "The budget (models.max_calls, models.max_cost) is spent, and"
    )
    assert objection(tally, 0.2, 40) == objection(tally, 0.2, 0) == ""


def test_nothing_stored_is_said() -> None:
    assert "No words of people who may be used" in nothing(Tally())
    assert nothing(counted(3, 1, rejected=2)) == objection(Tally(), 0.2, 500) == ""


async def test_a_run_that_spent_its_budget_leaves_the_larger_dataset(tmp_path: Path) -> None:
    exports = write_exports(tmp_path / "exports", {"general": joined(server(400).values())[:400]})
    limited = {"models.max_calls": 5, "models.segments_per_request": 1}
    work = Workplace(tmp_path)
    async with LoopbackOpenAI(approve_all) as model:
        await build_with_model(tmp_path, exports, model, {"models.segment": "rules"})
        before = work.records.read_bytes()
        with pytest.raises(FatalError, match=r"The budget .* is spent"):
            await build_with_model(tmp_path, exports, model, limited)
        assert work.records.read_bytes() == before
        stats = await build_with_model(tmp_path, exports, model, {})
    assert stats.counts["models"]["reused"] == 5


async def test_a_model_that_dies_leaves_the_dataset_before_it(tmp_path: Path) -> None:
    exports = write_exports(tmp_path / "exports", {"general": joined(server(400).values())[:400]})
    work = Workplace(tmp_path)
    async with LoopbackOpenAI(approve_all) as model:
        await build_with_model(tmp_path, exports, model, {"models.segments_per_request": 1})
        before = {path.name: path.read_bytes() for path in tmp_path.glob("*.js*")}
        model.script([None, *[SERVER_ERROR] * 1_000])
        changes = {"models.attempts": 1, "models.segment": "another-model", "models.segments_per_request": 8}
        with pytest.raises(FatalError, match="gave no verdict about"):
            await build_with_model(tmp_path, exports, model, changes)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.js*")} == before
    assert work.rows("SELECT state FROM runs") == [("finished",), ("failed",)]


async def test_another_archives_dataset_is_not_kept_where_people_have_left(
    world: World, work: Workplace
) -> None:
    channel = talk(world, "tools", 12)
    work.records.write_text("by another archive\n")
    gone = work.folder / "gone.txt"
    gone.write_text("123456789012345678\n")
    async with LoopbackDiscord(world) as server:
        stats = await work.build(server, [channel], {"people.opt_outs": str(gone)})
    assert not list(work.folder.glob("records.before-run-*"))
    assert any("people.opt_outs says that people left" in note for note in stats.counts["notes"])
