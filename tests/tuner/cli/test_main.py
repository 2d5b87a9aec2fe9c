"""The command line as a person meets it: what it prints, how it ends, and how it goes on."""

import hashlib
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.exports import PEOPLE, channel_id, server, user_id, write_exports
from tests.support.loopback_gateway import PATIENCE
from tuner import __version__
from tuner.cli import validate
from tuner.cli.main import main
from tuner.cli.running import GO_ON

SMALL = 300  # messages
MANY = 7_000


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_exports(tmp_path / "exports", server(SMALL, ["general", "games"]))
    return tmp_path


def started(folder: Path, *argv: str, **options: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tuner", *argv],
        **{"cwd": folder, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},  # type: ignore[call-overload]
    )


# -- what it says ------------------------------------------------------------------


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tuner {__version__}\n"
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for command in ("build-dataset", "segment", "validate", "status", "forget"):
        assert command in said
        assert main([command, "--help"]) == 0
        assert capsys.readouterr().out.startswith(f"usage: tuner {command} ")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["bulid"], "argument COMMAND: invalid choice: 'bulid'"),
        (["forget", "Mika"], "argument USER_ID: 'Mika' is not a Discord id"),
        (["forget", "0"], "argument USER_ID: '0' is not a Discord id"),
        (["forget", "9" * 5000], "is not a Discord id"),
        (["segment"], "the following arguments are required: --out"),
        (["segment", "--out", "."], "argument --out: '.' is a folder; name a file in it"),
        (["segment", "--out", "talks/"], "argument --out: 'talks/' is a folder; name a file in it"),
        (
            ["segment", "--out", "x", "--channel", "general"],
            "argument --channel: 'general' is not a Discord id",
        ),
        (["validate", "x", "--profile", "other"], "argument --profile: invalid choice: 'other'"),
        (["build-dataset", "--sample", "--from-export", "x"], "not allowed with argument --sample"),
    ],
)
def test_wrong_usage_gets_one_line(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("tuner: ") and said in error
    assert error.count("\n") == 1 and "--help shows how it is written" in error


def test_a_build_prints_its_summary_and_its_counts(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build-dataset", "--from-export", "exports", "--print-stats", "--raw-dump-dir", "raw"]) == 0
    captured = capsys.readouterr()
    stats = json.loads(captured.out)  # so that it can be piped into a program
    summary = captured.err
    assert f"\nRun 1: {stats['samples']} samples, " in summary
    assert stats["stages"]["collect"] == {"in": SMALL, "out": SMALL, "dropped": {}}
    assert json.loads((place / "data" / "finetune" / "stats.json").read_text()) == stats
    records, train, valid, *_ = (file["lines"] for file in stats["files"])
    assert stats["samples"] == records == train + valid > 10
    for file in stats["files"]:
        data = (place / file["path"]).read_bytes()
        assert f"wrote {file['path']} ({file['lines']} lines" in summary
        assert (file["size"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert data.count(b"\n") == file["lines"]
    assert {file.name for file in (place / "raw").iterdir()} == {
        f"{name}-{channel_id(name)}.txt" for name in ("general", "games")
    }
    assert "dataset.allowed_users is empty" in captured.err


def test_ids_may_be_typed_in_any_way(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [str(channel_id(name)) for name in ("general", "games")]
    people = [str(user_id(name)) for name in PEOPLE]
    written = []
    for number, channels in enumerate(
        (
            ["--channels", *ids],
            ["--channels", ",".join(ids)],
            ["--channels", ", ".join(ids)],
            ["-c", *ids],
            ["-c", ids[0], "-c", ids[1]],
        )
    ):
        out = place / f"{number}.jsonl"
        options = [
            "--from-export",
            "exports",
            "-u",
            *people,
            "-o",
            str(out),
            "--set",
            f"store.path={number}.db",
        ]
        assert main(["build-dataset", *channels, *options]) == 0
        written.append(out.read_bytes())
    assert len(set(written)) == 1


def test_a_log_line_steers_no_terminal_and_is_ours(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = next((place / "exports").glob("games*"))
    export.write_text(export.read_text().replace('"games"', '"ga\\u001b[2Jmes\\u202e"'))
    assert main(["build-dataset", "--from-export", "exports", "--verbose", "--print-stats"]) == 0
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert all(character.isprintable() or character == "\n" for character in text)
    assert " aiosqlite" not in said.err and "asyncio" not in said.err
    capsys.readouterr()
    assert main(["status"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_what_a_build_writes_is_valid(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build-dataset", "--from-export", "exports"]) == 0
    for name, profile in (("records.jsonl", "records"), ("records.openai.train.jsonl", "openai")):
        capsys.readouterr()
        assert main(["validate", f"data/finetune/{name}"]) == 0
        assert f"valid as {profile}" in capsys.readouterr().out


def test_named_flags_do_what_they_say(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--from-export",
        "exports",
        "--output",
        "o.jsonl",
        "--stats-file",
        "s.json",
        "--max-samples",
        "3",
    ]
    assert main(["build-dataset", *options, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "3 samples (dry run: no dataset written)" in said
    assert "this dry run spent nothing on models and wrote no dataset" in said
    assert not list(place.glob("**/*.jsonl"))
    assert json.loads((place / "s.json").read_text())["dry_run"] is True
    assert main(["build-dataset", *options, "--channels", str(channel_id("games"))]) == 0
    samples = [json.loads(line) for line in (place / "o.jsonl").read_text().splitlines()]
    assert [sample["metadata"]["channel_id"] for sample in samples] == [channel_id("games")] * 3


@pytest.mark.parametrize(
    ("earliest", "said"),
    [
        ("2030-01-01", "since 2030-01-01 (--earliest)."),
        ("2030-01-01T12:30:00+02:00", "since 2030-01-01 10:30 UTC (--earliest)."),
    ],
)
def test_what_is_stored_from_before_the_earliest_moment_is_not_denied(
    place: Path, capsys: pytest.CaptureFixture[str], earliest: str, said: str
) -> None:
    command = ["build-dataset", "--from-export", "exports"]
    assert main(command) == 0
    assert main([*command, "--earliest", earliest]) == 1
    assert (
        f"No words of people who may be used are stored in these channels {said}" in capsys.readouterr().err
    )


def test_status_shows_runs_and_reach(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build-dataset", "--from-export", "exports"]) == 0
    assert main(["build-dataset", "--from-export", "exports", "--dry-run"]) == 0
    capsys.readouterr()
    assert main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Archive data/tuner.db"
    runs = lines[lines.index("Last runs:") + 1 : lines.index("Channels:") - 1]
    assert runs[0].startswith("  2 (dry run) finished, ") and runs[1].startswith("  1 finished, ")
    assert f"{SMALL} messages read" in runs[1] and "0 messages read" in runs[0]
    channels = lines[lines.index("Channels:") + 1 :]
    assert [line.split(",")[0] for line in channels] == [
        f"  #{name} ({i}): {SMALL // 2} messages"
        for i, name in sorted((channel_id(name), name) for name in ("general", "games"))
    ]


def test_segment_writes_every_message_once(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", "--from-export", "exports", "--out", "talks.jsonl"]) == 0
    talks = [json.loads(line) for line in (place / "talks.jsonl").read_text().splitlines()]
    assert capsys.readouterr().out == f"{len(talks)} conversations → talks.jsonl\n"
    assert {(talk["channel"], talk["channel_id"]) for talk in talks} == {
        (name, str(channel_id(name))) for name in ("general", "games")
    }
    ids = [i for talk in talks for i in talk["messages"]]
    assert len(ids) == len(set(ids)) == SMALL
    assert not (place / "data").exists()

    assert main(["build-dataset", "--from-export", "exports"]) == 0
    games = str(channel_id("games"))
    assert main(["segment", "--channel", games, "--out", "games.jsonl"]) == 0
    stored = [json.loads(line) for line in (place / "games.jsonl").read_text().splitlines()]
    assert stored == [talk for talk in talks if talk["channel_id"] == games]
    capsys.readouterr()
    assert main(["segment", "--channel", "5", "--out", "games.jsonl"]) == 2
    assert capsys.readouterr().err.startswith("tuner: Channel 5 is not stored. Stored: ")


def test_segment_makes_no_link_that_is_less_sure_than_is_wanted(place: Path) -> None:
    counts = []
    for least in ("0", "1"):
        wanted = ("--set", f"segment.min_confidence={least}")
        assert main(["segment", "--from-export", "exports", "--out", "talks.jsonl", *wanted]) == 0
        counts.append(len((place / "talks.jsonl").read_text().splitlines()))
    assert counts[0] < counts[1] < SMALL


def test_forget_erases_for_good(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build-dataset", "--from-export", "exports"]) == 0
    capsys.readouterr()
    assert main(["forget", str(user_id("Mika"))]) == 0
    said = capsys.readouterr().out
    erased = int(said.split()[0])
    assert erased > 0 and "taken out, from every file of that dataset" in said
    assert main(["build-dataset", "--from-export", "exports", "--raw-dump-dir", "raw"]) == 0
    assert not any("Mika: " in file.read_text() for file in (place / "raw").iterdir())
    assert "Mika said:" not in (place / "data" / "finetune" / "records.jsonl").read_text()


# -- the process -------------------------------------------------------------------


def warnings(errors: str) -> list[str]:
    """What is told beside results, and is not the progress that slow machines show."""
    return [line for line in errors.splitlines() if " INFO tuner: " not in line]


def test_the_sample_needs_nothing(tmp_path: Path) -> None:
    with started(tmp_path, "build-dataset", "--sample", env={"PATH": os.environ["PATH"]}) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, warnings(err)) == (0, [])
    assert out.startswith("Run 1: ")
    assert (tmp_path / "data" / "sample" / "finetune" / "records.openai.train.jsonl").exists()


def test_a_terminal_that_cannot_show_a_name_gets_a_question_mark(place: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with started(
        place, "segment", "--from-export", "exports", "--out", "t.jsonl", env=environment
    ) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, warnings(err)) == (0, [])
    assert out.endswith(" conversations ? t.jsonl\n")


def test_a_reader_that_goes_away_hears_no_complaint(place: Path) -> None:
    assert main(["build-dataset", "--from-export", "exports"]) == 0
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    with started(place, "status", stdout=writing, env=environment) as process:
        os.close(writing)
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (1, "")


def test_a_terminal_sees_bars(place: Path) -> None:
    outer, inner = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with started(
        place, "build-dataset", "--from-export", "exports", stderr=inner, env=environment
    ) as process:
        os.close(inner)
        seen = b""
        try:
            while piece := os.read(outer, 65536):
                seen += piece
        except OSError:  # how Linux says that the terminal was left
            pass
        os.close(outer)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    shown = seen.decode()
    assert "#general" in shown and "150 messages, read" in shown and "━" in shown
    assert "Name the people who agreed" in shown


def test_breaking_off_a_check_is_no_accident(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(validate, "check_file", interrupted)
    assert main(["validate", "x.jsonl"]) == 130
    assert capsys.readouterr().err == "tuner: Broken off.\n"


# -- broken off --------------------------------------------------------------------


def until(process: "subprocess.Popen[str]", happened: Callable[[], bool]) -> None:
    """Wait until something has happened that the process does on its way."""
    while not happened():
        assert process.poll() is None, "it ended too early to be broken off"
        time.sleep(0.005)


def stored(archive: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{archive}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM messages").fetchone()[0])
    except sqlite3.OperationalError:  # not made yet
        return 0


def test_broken_off_builds_go_on_and_end_as_if_nothing_had_been(tmp_path: Path) -> None:
    exports = write_exports(tmp_path / "exports", server(MANY))
    alike = ("--set", "screen.near_copies=0", "--set", "screen.same_reply=0")  # invented talk repeats itself
    command = ("build-dataset", "--from-export", str(exports), "--set", "export.profiles=[]", *alike)
    folders = [tmp_path / name for name in ("undisturbed", "broken-off")]
    for folder in folders:
        folder.mkdir()
    undisturbed, broken_off = folders
    archive, records = broken_off / "data" / "tuner.db", broken_off / "data" / "finetune" / "records.jsonl"

    def parts() -> list[Path]:
        return list(records.parent.glob(".records.jsonl.*.part"))

    with started(undisturbed, *command) as calm:
        with started(broken_off, *command) as process:
            until(process, lambda: stored(archive) > 1_000)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130, err
        assert err.endswith(f"tuner: {GO_ON}\n") and "Traceback" not in err
        read = stored(archive)
        assert 1_000 < read < MANY

        records.write_text("old\n")
        with started(broken_off, *command) as process:
            until(process, lambda: any(part.stat().st_size > 0 for part in parts()))
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 143, err
        assert err.endswith(f"tuner: {GO_ON}\n") and "Traceback" not in err
        assert records.read_text() == "old\n"
        assert not parts()
        assert stored(archive) >= read

        with started(broken_off, "status") as process:
            out, _ = process.communicate(timeout=PATIENCE)
        assert "  2 interrupted, " in out and "  1 interrupted, " in out
        assert "build again to go on" in out

        with started(broken_off, *command) as process:
            out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        _, err = calm.communicate(timeout=PATIENCE)
        assert calm.returncode == 0, err
    assert stored(archive) == MANY
    assert records.read_bytes() == (undisturbed / "data" / "finetune" / "records.jsonl").read_bytes()
    assert records.stat().st_size > 1_000_000
