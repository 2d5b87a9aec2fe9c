"""Annotated chat as Discord history: what a line of a log becomes, and that the benchmark's exports say the same."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_store import open_store
from tuner.cli.archive import import_exports
from tuner.config.settings import Settings
from tuner.errors import UsageError
from tuner.linking.training.corpus import AnnotatedChannel, read_corpus, with_replies, without_names
from tuner.models import Message

BENCHMARK = os.environ.get("SEGBENCH_DATA", "")

LOG = """\
[09:00] <Ann> hello, polygon42: are you there?
=== Oz [~oz@example.org] has joined #tea
[09:01] <Polygon42> Ann: yes
[09:01] * Ann waves
[09:02] <Ubottu> Tea is a drink
[09:03] <Polygon42> ann, the @ubottu says so
"""
LINKS = """\
0 0 -
0 2 -
2 3 -
1 4 -
3 5 -
"""


def corpus(folder: Path, log: str = LOG, links: str = LINKS, name: str = "2016-03-04.tea") -> Path:
    (folder / f"{name}.ascii.txt").write_text(log, encoding="utf8")
    (folder / f"{name}.annotation.txt").write_text(links, encoding="utf8")
    return folder


def read(
    folder: Path, log: str = LOG, links: str = "0 0 -\n", name: str = "2016-03-04.tea"
) -> AnnotatedChannel:
    (channel,) = read_corpus(corpus(folder, log, links, name))
    return channel


def lines(channel: AnnotatedChannel) -> list[int]:
    return [m.id & (1 << 22) - 1 for m in channel.messages]


def clock(channel: AnnotatedChannel) -> list[str]:
    return [f"{datetime.fromtimestamp(m.at, UTC):%d %H:%M:%S}" for m in channel.messages]


def mentioned(channel: AnnotatedChannel) -> list[list[str]]:
    return [[name for _, name in m.extras.mentions] for m in channel.messages]


def links(channel: AnnotatedChannel) -> dict[int, set[int]]:
    line = dict(zip((m.id for m in channel.messages), lines(channel), strict=True))
    return {line[child]: {line[parent] for parent in found} for child, found in channel.parents.items()}


# -- lines -------------------------------------------------------------------------


def test_messages_keep_their_line_in_the_id_and_system_lines_are_none(tmp_path: Path) -> None:
    channel = read(tmp_path)
    assert channel.name == "2016-03-04.tea"
    assert lines(channel) == [0, 2, 3, 4, 5]
    assert [m.name for m in channel.messages] == ["ann", "polygon42", "ann", "", "polygon42"]
    assert channel.messages[0].text == "hello, polygon42: are you there?"
    assert channel.messages[0].speaker == channel.messages[2].speaker != channel.messages[1].speaker
    assert {m.channel_id for m in channel.messages} == {channel.messages[0].channel_id}


def test_an_emote_is_said_by_who_does_it(tmp_path: Path) -> None:
    channel = read(tmp_path, "[09:00] * Ann waves\n[09:00] *** Oz has quit\n[09:00] -!- Ben has left\n")
    assert [(m.name, m.text) for m in channel.messages] == [("ann", "waves")]


def test_a_line_without_a_time_is_said_by_nobody(tmp_path: Path) -> None:
    assert lines(read(tmp_path, "<ann> hello\n[09:00] <ben> hello\n")) == [1]


def test_a_bot_is_a_stub(tmp_path: Path) -> None:
    bot = read(tmp_path).messages[3]
    assert bot.is_stub
    assert bot.speaker < 0
    assert bot.extras.mentions == ()


# -- times -------------------------------------------------------------------------


def said_at(*times: str) -> str:
    return "".join(f"[{time}] <ann> x\n" for time in times)


def test_the_messages_of_a_minute_are_spread_over_it(tmp_path: Path) -> None:
    channel = read(tmp_path, said_at("09:00", "09:00", "09:00", "09:01"))
    assert clock(channel) == ["04 09:00:10", "04 09:00:30", "04 09:00:50", "04 09:01:30"]


def test_seconds_are_kept_where_a_log_has_them(tmp_path: Path) -> None:
    channel = read(tmp_path, said_at("09:00:00", "09:00:00", "09:00:07"))
    assert clock(channel) == ["04 09:00:00", "04 09:00:00", "04 09:00:07"]
    assert lines(channel) == [0, 1, 2]


@pytest.mark.parametrize(
    ("times", "read_as"),
    [
        (("23:59:01", "00:00:02", "00:03:00"), ["04 23:59:01", "05 00:00:02", "05 00:03:00"]),
        (("12:59:01", "01:00:02", "02:00:00"), ["04 12:59:01", "04 13:00:02", "04 14:00:00"]),
        (("09:00:30", "09:00:10", "09:01:00"), ["04 09:00:30", "04 09:00:30", "04 09:01:00"]),
    ],
    ids=["a new day", "a 12-hour clock", "small disorder"],
)
def test_time_never_goes_back(tmp_path: Path, times: tuple[str, ...], read_as: list[str]) -> None:
    assert clock(read(tmp_path, said_at(*times))) == read_as


def test_dates_in_the_log_win_over_its_name(tmp_path: Path) -> None:
    log = "tea 2017-05-06 [09:00:01] <ann> x\ntea 2017-05-08 [08:00:00] <ann> x\n"
    first, second = read(tmp_path, log).messages
    assert datetime.fromtimestamp(first.at, UTC) == datetime(2017, 5, 6, 9, 0, 1, tzinfo=UTC)
    assert datetime.fromtimestamp(second.at, UTC) == datetime(2017, 5, 8, 8, tzinfo=UTC)


def test_old_logs_move_into_the_age_of_discord_by_whole_calendars(tmp_path: Path) -> None:
    (message,) = read(tmp_path, said_at("09:00:01"), name="2004-11-15_03").messages
    assert datetime.fromtimestamp(message.at, UTC) == datetime(2016, 11, 15, 9, 0, 1, tzinfo=UTC)


# -- names -------------------------------------------------------------------------


def test_who_is_named_is_mentioned(tmp_path: Path) -> None:
    channel = read(tmp_path)
    assert mentioned(channel) == [["polygon42"], ["ann"], [], [], ["ann", ""]]
    speakers = {m.name: m.speaker for m in channel.messages}
    assert channel.messages[1].extras.mentions == ((speakers["ann"], "ann"),)


def test_a_bot_is_mentioned_without_its_name(tmp_path: Path) -> None:
    last = read(tmp_path).messages[-1]
    assert last.text == "ann, the @someone says so"
    assert last.extras.mentions[1][0] == read(tmp_path).messages[3].speaker


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("polygon42: hi", ["polygon42"]),
        ("polygon: hi", ["polygon42"]),
        ("well (Polygon) said so", ["polygon42"]),
        ("ben: and polygon42, too", ["ben", "polygon42"]),
        ("ben said so", ["ben"]),
        ("it was ben, I think", []),
        ("it was @ben, I think", ["ben"]),
        ("windows: is that you?", ["windows"]),
        ("windows is that you?", []),
        ("is that @windows", ["windows"]),
        ("kettle_: hello", ["kettle_"]),
        ("kettle: hello", ["kettle_"]),
        ("Ann: that is me", []),
    ],
)
def test_a_name_is_a_mention_where_somebody_is_meant(tmp_path: Path, text: str, names: list[str]) -> None:
    others = "[09:00] <Polygon42> x\n[09:00] <ben> x\n[09:00] <windows> x\n=== oz is now known as Kettle_\n"
    assert mentioned(read(tmp_path, f"{others}[09:01] <ann> {text}\n"))[-1] == names


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("ben: hello  there", "hello there"),
        ("polygon: hello", "hello"),
        ("ben: ask (Polygon42) about it", "ask about it"),
        ("hello  there", "hello  there"),
    ],
)
def test_hidden_names_leave_the_text_and_the_mentions(tmp_path: Path, text: str, left: str) -> None:
    shown = read(tmp_path, f"[09:00] <Polygon42> x\n[09:00] <ben> x\n[09:01] <ann> {text}\n")
    hidden = without_names(shown)
    assert hidden.messages[-1].text == left
    assert mentioned(hidden) == [[], [], []]
    assert (hidden.parents, hidden.scored) == (shown.parents, shown.scored)
    assert without_names(hidden) == hidden


# -- links -------------------------------------------------------------------------


def test_links_are_between_messages(tmp_path: Path) -> None:
    channel = read(tmp_path, links=LINKS)
    # Line 4 answers somebody who joined: nothing that was said.
    assert links(channel) == {0: set(), 2: {0}, 3: {2}, 4: set(), 5: {3}}
    assert channel.scored == {m.id for m in channel.messages}


def test_only_annotated_messages_have_parents(tmp_path: Path) -> None:
    channel = read(tmp_path, links="ann: 0 3 -\n# a note\n\n2 3 -\n2 5 -\n")
    assert links(channel) == {3: {0, 2}, 5: {2}}
    assert channel.scored == {
        m.id for m, line in zip(channel.messages, lines(channel), strict=True) if line in (3, 5)
    }


def test_some_messages_become_native_replies_to_what_they_answer(tmp_path: Path) -> None:
    channel = read(tmp_path, links=LINKS)
    half, every = with_replies(channel, 40, seed=1), with_replies(channel, 100, seed=1)
    assert sum(m.reply_to is not None for m in half.messages) == 2
    by_line = dict(zip(lines(every), every.messages, strict=True))
    assert {line: m.reply_to for line, m in by_line.items()} == {
        0: None,
        2: by_line[0].id,
        3: by_line[2].id,
        4: None,
        5: by_line[3].id,
    }
    assert [m.last_reply for m in every.messages] == [by_line[2].id, by_line[3].id, by_line[5].id, 0, 0]
    assert with_replies(every, 0, seed=1) == channel
    assert with_replies(channel, 40, seed=1) == half


def test_the_newest_reply_to_a_message_is_known(tmp_path: Path) -> None:
    channel = with_replies(read(tmp_path, links="0 2 -\n0 5 -\n"), 100, seed=0)
    assert channel.messages[0].last_reply == channel.messages[-1].id


def test_names_may_be_hidden_before_and_after_replies_are_drawn(tmp_path: Path) -> None:
    channel = read(tmp_path, links=LINKS)
    assert without_names(with_replies(channel, 40, seed=2)) == with_replies(
        without_names(channel), 40, seed=2
    )


# -- wrong input -------------------------------------------------------------------


def test_channels_come_by_file_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        corpus(tmp_path, name=name)
    assert [channel.name for channel in read_corpus(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize("folder", ["", "missing"])
def test_a_folder_without_the_corpus(tmp_path: Path, folder: str) -> None:
    with pytest.raises(UsageError, match=r"There is no \*\.ascii\.txt in .*Name a folder"):
        read_corpus(tmp_path / folder)


@pytest.mark.parametrize(
    ("log", "annotation", "fault"),
    [
        ("", LINKS, r"tea\.ascii\.txt is not .*nobody says anything"),
        ("{}\n", LINKS, r"tea\.ascii\.txt is not .*nobody says anything"),
        ("tea 2017-13-01 [09:00] <ann> x\n", LINKS, r"tea\.ascii\.txt is not "),
        (LOG, "", r"tea\.annotation\.txt is not .*it holds no link"),
        (LOG, "0 0 -\none two -\n", r"tea\.annotation\.txt is not .*line 2, “one two -”"),
        (LOG, "-\n", r"tea\.annotation\.txt is not .*line 1, “-”"),
        (LOG, "0 6 -\n", r"line 1, “0 6 -”"),
        (LOG, "-3 2 -\n", r"line 1, “-3 2 -”"),
    ],
)
def test_a_file_that_is_not_of_the_corpus(tmp_path: Path, log: str, annotation: str, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        read_corpus(corpus(tmp_path, log, annotation))


def test_a_name_with_an_impossible_date(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"2016-02-31\.ascii\.txt is not "):
        read_corpus(corpus(tmp_path, name="2016-02-31"))


def test_a_log_without_its_annotation(tmp_path: Path) -> None:
    (corpus(tmp_path) / "2016-03-04.tea.annotation.txt").unlink()
    with pytest.raises(UsageError, match=r"tea\.annotation\.txt cannot be read: .*needs its NAME"):
        read_corpus(tmp_path)


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    (corpus(tmp_path) / "2016-03-04.tea.ascii.txt").write_bytes(
        LOG.replace("waves", "\xff").encode("latin-1")
    )
    (channel,) = read_corpus(tmp_path)
    assert channel.messages[2].text == "\N{REPLACEMENT CHARACTER}"


# -- the benchmark's exports -------------------------------------------------------


async def archived(exports: Path, archive: Path) -> dict[str, list[Message]]:
    async with open_store(archive) as store:
        channels = await import_exports(store, Settings(), [str(exports)])
        history = History(store)
        return {c.name: [m async for page in history.messages(c.id) for m in page] for c in channels}


def same_outside(message: Message) -> Message:
    """The message with one number for everybody outside: the numbers differ from archive to archive."""
    mentions = tuple((max(speaker, -1), name) for speaker, name in message.extras.mentions)
    extras = replace(message.extras, mentions=mentions)
    return replace(message, speaker=max(message.speaker, -1), extras=extras)


@pytest.mark.skipif(not BENCHMARK, reason="needs $SEGBENCH_DATA")
@pytest.mark.parametrize("hide", [False, True], ids=["named", "unnamed"])
async def test_an_archive_of_the_benchmarks_exports_holds_the_same(tmp_path: Path, *, hide: bool) -> None:
    options = ["--split", "dev", "--replies", "20", "--seed", "1", *(["--hide-names"] if hide else [])]
    subprocess.run(
        [sys.executable, "-m", "segbench", "export", str(tmp_path / "exports"), *options],
        cwd=BENCHMARK,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )
    stored = await archived(tmp_path / "exports", tmp_path / "archive.db")
    channels = [
        with_replies(channel, 20, seed=1) for channel in read_corpus(Path(BENCHMARK) / "data" / "dev")
    ]
    assert {channel.name for channel in channels} == stored.keys()
    for channel in map(without_names, channels) if hide else channels:
        assert list(map(same_outside, channel.messages)) == list(map(same_outside, stored[channel.name]))
