"""Whatever is put in wrongly: one clear message, the right exit code, and the old dataset as it was."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.exports import PEOPLE, Said, channel_id, server, user_id, write_exports
from tests.support.loopback_gateway import PATIENCE
from tuner.cli.main import main

TALK = [
    Said("Mika", "has anybody seen the small screwdriver?"),
    Said("Jonas", "It is in the tin by the door.", reply_to=0),
    Said("Mika", "found it, thanks!"),
    Said("Jonas", "You are welcome."),
]
OLD = b'{"an old": "dataset"}\n'
ALLOWED = ",".join(str(user_id(name)) for name in PEOPLE)


class Place:
    """An empty folder to work in, where an old dataset lies."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.archive = folder / "tuner.db"
        self.exports = write_exports(folder / "exports", {"workshop": TALK})
        self.old = [folder / "records.jsonl", folder / "records.openai.train.jsonl", folder / "stats.json"]
        for file in self.old:
            file.write_bytes(OLD)
        self._capsys = capsys

    def arguments(self, *argv: str) -> list[str]:
        return [
            "build-dataset",
            *("--output", "records.jsonl", "--stats-file", "stats.json", "--allowed-users", ALLOWED),
            *("--set", "store.path=tuner.db", *argv),
        ]

    def build(self, *argv: str) -> tuple[int, str]:
        """Exit code and stderr."""
        self._capsys.readouterr()
        code = main(self.arguments(*argv))
        return code, self._capsys.readouterr().err

    def refusal(self, code: int, *argv: str) -> str:
        """The only thing said, after a run that ends with this exit code and leaves the old dataset."""
        return self.checked(code, self.build(*argv))

    def checked(self, code: int, result: tuple[int, str]) -> str:
        assert result[0] == code, result[1]
        message = result[1]
        assert message.startswith("tuner: ") and message.endswith("\n")
        assert message.count("tuner: ") == 1
        assert "Traceback" not in message
        assert [file.read_bytes() for file in self.old] == [OLD] * len(self.old)
        assert list(self.folder.glob(".*.part")) == []
        return message.removeprefix("tuner: ").strip()


@pytest.fixture
def place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISCORD_API_TOKEN", raising=False)
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return Place(tmp_path, capsys)


def test_what_is_right_replaces_the_old_dataset(place: Place) -> None:
    """So that the rest of this file shows something."""
    code, said = place.build("--from-export", "exports")
    assert code == 0, said
    assert all(file.read_bytes() != OLD for file in place.old)


# -- configuration -----------------------------------------------------------------


def test_no_configuration(place: Place) -> None:
    """Everything that is missing is said at once."""
    said = place.refusal(2)
    title, *listed = said.split("\n  - ")
    assert title == "4 things are missing before a build can read from Discord:"
    assert listed[0].startswith(
        "There is no configuration: looked for config.toml and tuner/config.toml here."
    )
    assert "config.sample.toml" in listed[0] and "--sample" in listed[0]
    assert listed[1].startswith("dataset.channels is empty")
    assert "acknowledge_policy = true" in listed[2]
    assert "DISCORD_API_TOKEN (or DISCORD_TOKEN)" in listed[3]


def test_a_named_configuration_that_is_not_there(place: Place) -> None:
    said = place.refusal(2, "--config", "mine.toml")
    assert said.startswith("There is no configuration file at mine.toml.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[dataset\n", "config.toml is not valid TOML: "),
        (
            "[dataset]\nchanels = [1]\n",
            "dataset.chanels: there is no such setting. Did you mean dataset.channels?",
        ),
        ("[dataset]\nmax_samples = 'many'\n", "dataset.max_samples: should be a whole number, not 'many'"),
        ("[discord]\ntoken = 'abc'\n", "discord.token: looks like a token or key."),
        ("[dataset]\nchannels = []\n", "dataset.channels is empty: name the channels to read by id."),
        ("[dataset]\nchannels = ['workshop']\n", "dataset.channels.0: should be a Discord id"),
    ],
)
def test_a_wrong_configuration(place: Place, text: str, said: str) -> None:
    (place.folder / "config.toml").write_text(text)
    assert said in place.refusal(2)
    assert not place.archive.exists()


def test_a_wrong_option_gets_one_line(place: Place) -> None:
    assert place.refusal(2, "--max-samples", "many") == (
        "argument --max-samples: invalid int value: 'many'. tuner build-dataset --help shows how it is written."
    )
    assert "--nonsense" in place.refusal(2, "--nonsense")


def test_discord_wants_its_policy_acknowledged_and_a_token(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = place.refusal(2, "--channels", "1")
    assert "Developer Policy" in said and "have agreed" in said
    assert "[discord]" in said and "acknowledge_policy = true" in said
    said = place.refusal(2, "--channels", "1", "--set", "discord.acknowledge_policy=true")
    assert said == (
        "Reading from Discord needs the environment variable DISCORD_API_TOKEN (or DISCORD_TOKEN), which is empty "
        "or not set."
    )
    said = place.refusal(2, "-c", "1", "--set", "discord.acknowledge_policy=true", "--segment-model", "some")
    assert said.count("\n  - ") == 2 and "OPENAI_API_KEY" in said
    assert not place.archive.exists()


@pytest.mark.parametrize("value", ["abc\ndef", "schlüssel", "two words", "tab\tbed", "null\x7f"])
@pytest.mark.parametrize("name", ["DISCORD_API_TOKEN", "DISCORD_TOKEN", "OPENAI_API_KEY"])
def test_what_no_key_can_be_is_refused_and_not_shown(
    place: Place, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    options = ("--channels", "1", "--set", "discord.acknowledge_policy=true")
    if name == "OPENAI_API_KEY":
        options = ("--from-export", "exports", "--segment-model", "some-model")
    said = place.refusal(2, *options)
    assert "Copy it again" in said and name.removeprefix("DISCORD_") in said
    assert value not in said and not any(word in said for word in ("schlüssel", "def", "bed"))


def test_a_model_wants_a_key(place: Place) -> None:
    said = place.refusal(2, "--from-export", "exports", "--segment-model", "gpt-6-luna")
    assert said == (
        "Asking the model 'gpt-6-luna' needs the environment variable OPENAI_API_KEY, which is empty or not set."
    )


# -- exports -----------------------------------------------------------------------


def test_a_channel_that_the_exports_do_not_hold(place: Place) -> None:
    said = place.refusal(2, "--from-export", "exports", "--channels", "5")
    assert said == (
        f"--channels names 5, which the exports do not hold. They hold: {channel_id('workshop')} (workshop)."
    )


@pytest.mark.parametrize(
    "form", [["-c", "5"], ["--channels", "5"], ["--set", "dataset.channels=[5]"]], ids=str
)
def test_channels_are_called_as_they_were_typed(place: Place, form: list[str]) -> None:
    said = place.refusal(2, "--from-export", "exports", *form)
    assert said.startswith("dataset.channels names 5" if "--set" in form else "--channels names 5")


def test_people_are_called_as_they_were_typed(place: Place) -> None:
    said = place.refusal(2, "--from-export", "exports", "-u", "5", "--set", "dataset.personas=[6]")
    assert "dataset.personas: 6 is not in --allowed-users" in said


def test_an_export_that_is_not_there(place: Place) -> None:
    assert place.refusal(2, "--from-export", "nowhere") == "There is no file or folder nowhere."


def test_an_empty_folder(place: Place) -> None:
    (place.folder / "empty").mkdir()
    said = place.refusal(2, "--from-export", "empty")
    assert said == "There is no .json file in empty. Export with --format Json."


@pytest.mark.parametrize(
    ("content", "exit_code", "why"),
    [
        (b"", 1, "it is not valid JSON"),
        (b"\x00\xff\xfe" * 500, 1, "it is not valid JSON"),
        (b"<!DOCTYPE html><html></html>", 1, "it is not valid JSON"),
        (b'{"guild": {"id": "1", "na', 1, "it is not valid JSON"),
        (b'{"guild": {"id": ' + b"1" * 5000, 1, "it holds a number of more than 40 digits"),
        (b'{"guild": {"id": 1e999999999}}', 1, "it holds a number of more than 40 digits"),
        (b"[" * 10_000_000, 1, "it holds more than 64 lists or objects within one another"),
        (b'[{"user": "U1", "text": "hi"}]', 2, "it has no list of messages"),
        (
            b'{"name": "Chat", "type": "group", "id": 1, "messages": []}',
            2,
            "it does not name its guild and channel",
        ),
        (
            b'{"guild": {"id": "x"}, "channel": {"id": "y", "name": "z"}, "messages": []}',
            2,
            "it does not name its",
        ),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_file_that_is_no_export(place: Place, content: bytes, exit_code: int, why: str) -> None:
    (place.folder / "other.json").write_bytes(content)
    said = place.refusal(exit_code, "--from-export", "other.json")
    assert said.startswith(f"other.json is not a DiscordChatExporter export in JSON: {why}")
    assert "--format Json" in said


def test_a_folder_without_an_export(place: Place) -> None:
    (place.folder / "other").mkdir()
    (place.folder / "other" / "slack.json").write_text("[]")
    (place.folder / "other" / "folder.json").mkdir()
    code, said = place.build("--from-export", "other")
    assert code == 2
    assert said.splitlines()[-1] == "tuner: No DiscordChatExporter export was found in other."
    assert "Traceback" not in said


def test_an_export_that_ends_in_the_middle(place: Place) -> None:
    """What comes before is stored, so nothing is lost; but no dataset is made of half a channel."""
    file = place.exports / "workshop.json"
    whole = file.read_bytes()
    file.write_bytes(whole[: whole.index(b"You are")])
    said = place.refusal(1, "--from-export", str(file))
    assert said.startswith(f"{file} ends in the middle or is damaged")
    with closing(sqlite3.connect(place.archive)) as archive:
        assert archive.execute("SELECT count(*) FROM messages").fetchone() == (3,)
        assert archive.execute("SELECT state FROM runs").fetchall() == [("failed",)]
    file.write_bytes(whole)
    assert place.build("--from-export", str(file))[0] == 0


# -- the archive -------------------------------------------------------------------


@contextmanager
def held(archive: Path) -> Iterator[None]:
    """Another process builds from the archive."""
    program = (
        "import sys; from pathlib import Path; from tuner.adapters.sqlite_store import builder_lock\n"
        "with builder_lock(Path(sys.argv[1])) as free: print(free, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(archive)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield
        process.communicate()


def test_a_locked_archive(place: Place) -> None:
    with held(place.archive):
        said = place.refusal(1, "--from-export", "exports")
        assert said == "The archive tuner.db is being built from. Wait until that is done, or end it first."
    assert place.build("--from-export", "exports")[0] == 0


def test_nobody_forgets_while_somebody_builds(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.build("--from-export", "exports")
    with held(place.archive):
        assert main(["forget", str(user_id("Mika")), "--set", "store.path=tuner.db"]) == 1
    assert "tuner: The archive tuner.db is being built from." in capsys.readouterr().err


def test_a_database_of_another_program(place: Place) -> None:
    with closing(sqlite3.connect(place.archive)) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
        other.execute("INSERT INTO songs VALUES ('Greensleeves')")
        other.commit()
    before = place.archive.read_bytes()
    said = place.refusal(2, "--from-export", "exports")
    assert said == "tuner.db is a database of some other program. Set store.path to another file."
    assert place.archive.read_bytes() == before


def test_a_file_that_is_no_database(place: Place) -> None:
    text = b"a shopping list, and quite a long one\n" * 100
    place.archive.write_bytes(text)
    said = place.refusal(2, "--from-export", "exports")
    assert said.startswith(
        "tuner.db is not a Tuner archive: set store.path to another file. Or it is one whose"
    )
    assert place.archive.read_bytes() == text


def test_an_archive_of_a_newer_version(place: Place) -> None:
    assert place.build("--from-export", "exports")[0] == 0
    with closing(sqlite3.connect(place.archive)) as archive:
        archive.execute("PRAGMA user_version = 999")
    for file in place.old:
        file.write_bytes(OLD)
    said = place.refusal(1, "--from-export", "exports")
    assert said.startswith(
        "The archive tuner.db was written by a newer version of Tuner (its format is 999, "
    )
    assert "Update Tuner, or set store.path to another file." in said


@pytest.mark.parametrize("command", [["status"], ["forget", "5"], ["segment", "--out", "talks.jsonl"]])
def test_an_archive_that_is_not_there_yet(
    place: Place, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    result = main([*command, "--set", "store.path=tuner.db"]), capsys.readouterr().err
    said = place.checked(2, result)
    assert said == "There is no archive at tuner.db yet. Run build-dataset first, or set store.path."
    assert not place.archive.exists()


# -- where nothing can be written --------------------------------------------------


def test_an_archive_below_a_file(place: Place) -> None:
    (place.folder / "file").write_text("")
    said = place.refusal(2, "--from-export", "exports", "--set", "store.path=file/below/tuner.db")
    assert said.startswith("The archive file/below/tuner.db cannot be opened")


def test_an_archive_that_is_a_folder(place: Place) -> None:
    said = place.refusal(2, "--from-export", "exports", "--set", "store.path=exports")
    assert said.startswith("The archive exports cannot be opened")


@pytest.mark.parametrize(
    ("option", "why"),
    [
        (("--output", "file/below/records.jsonl"), "could not be written: Not a directory"),
        (("--output", "exports"), "could not be written: Is a directory"),
        (("--output", "x" * 300), "could not be written: File name too long"),
        (("--output", "nowhere/records.jsonl"), "could not be written: No such file or directory"),
        (("--raw-dump-dir", "file"), "is no folder"),
        (("--raw-dump-dir", "file/raw"), "could not be written: Not a directory"),
        (("--raw-dump-dir", "pipe"), "is no folder"),
        (("--raw-dump-dir", "alias"), "is a link, which is not followed"),
        (("--raw-dump-dir", "nowhere"), "is a link, which is not followed"),
        (("--raw-dump-dir", "x" * 300), "could not be written: File name too long"),
        (("--stats-file", "file/stats.json"), "could not be written: Not a directory"),
        (("--stats-file", "nowhere/stats.json"), "could not be written: No such file or directory"),
    ],
    ids=str,
)
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(
    place: Place, option: tuple[str, str], why: str
) -> None:
    (place.folder / "file").write_text("")
    (place.folder / "alias").symlink_to("exports")
    (place.folder / "nowhere").symlink_to("is not there")
    os.mkfifo(place.folder / "pipe")
    before = sorted(place.folder.rglob("*"))
    said = place.refusal(2, "--from-export", "exports", *option)
    assert said.startswith(f"{option[0]}: {option[1]} {why}")
    assert sorted(place.folder.rglob("*")) == before  # no archive either


def test_a_transcript_that_is_a_link(place: Place) -> None:
    (place.folder / "raw").mkdir()
    (place.folder / "raw" / "workshop-1.txt").symlink_to(place.exports / "workshop.json")
    said = place.refusal(2, "--from-export", "exports", "--raw-dump-dir", "raw")
    assert said.startswith("--raw-dump-dir: raw/workshop-1.txt is a link, which is not followed")


@pytest.mark.parametrize("out", ["file/talks.jsonl", "nowhere/talks.jsonl", "exports", "x" * 300])
def test_conversations_cannot_be_written_there(
    place: Place, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    (place.folder / "file").write_text("")
    (place.folder / "nowhere").symlink_to("is not there")
    assert main(["segment", "--from-export", "exports", "--out", out]) == 2
    assert capsys.readouterr().err.startswith(f"tuner: --out: {out} could not be written: ")


def test_so_it_is_in_a_build_from_discord(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_API_TOKEN", "test-token")
    options = ("-c", "1", "--set", "discord.acknowledge_policy=true", "--raw-dump-dir", "records.jsonl")
    assert place.refusal(2, *options).startswith("--raw-dump-dir: records.jsonl is no folder")
    assert not place.archive.exists()


@pytest.mark.parametrize(
    ("option", "why"),
    [
        (("--output", "."), "--output: names a folder, '.'; name a file in it"),
        (("--output", "data/"), "--output: names a folder, 'data/'; name a file in it"),
        (("--stats-file", "."), "--stats-file: names a folder, '.'; name a file in it"),
        (("--output", "tuner.db"), "--output: is the same file as store.path"),
        (
            ("--stats-file", "records.openai.train.jsonl"),
            "for openai: is the same file as --stats-file",
        ),
        (("--stats-file", "tuner.db-wal"), "--stats-file: is the same file as the archive's -wal"),
        (("--output", "./config.toml"), "--output: is the same file as the configuration"),
        (("--output", "exports/workshop.json"), "exports/workshop.json is read by this command"),
        (("--stats-file", "alias"), "alias is a link, which is not followed"),
        (("--stats-file", "pipe"), "pipe is no ordinary file"),
        (("--output", "songs.db"), "songs.db is an archive or another database"),
        (("--output", "prompt.md", "--set", "prompt.system_file=prompt.md"), "as prompt.system_file"),
    ],
)
def test_an_output_that_would_destroy_something(place: Place, option: tuple[str, ...], why: str) -> None:
    (place.folder / "prompt.md").write_text("You are $persona.")
    (place.folder / "alias").symlink_to(place.exports / "workshop.json")
    os.mkfifo(place.folder / "pipe")
    with closing(sqlite3.connect(place.folder / "songs.db")) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    before = {path: path.read_bytes() for path in place.folder.rglob("*") if path.is_file()}
    assert why in place.refusal(2, "--from-export", "exports", *option)
    assert {path: path.read_bytes() for path in before} == before


def test_conversations_overwrite_nothing_that_is_read(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.build("--from-export", "exports")[0] == 0
    for out in ("tuner.db", "exports/workshop.json"):
        before = (place.folder / out).read_bytes()
        arguments = ["segment", "--out", out, "--set", "store.path=tuner.db"]
        arguments += ["--from-export", "exports"] if out != "tuner.db" else []
        assert main(arguments) == 2
        assert "would be overwritten" in capsys.readouterr().err
        assert (place.folder / out).read_bytes() == before


@pytest.mark.parametrize(
    ("out", "why"),
    [
        ("config.toml", "the configuration"),
        ("my.toml", "the configuration"),
        ("gone.txt", "people.opt_outs"),
        ("notes.txt", "prompt.persona_notes_file"),
        ("tuner.db-wal", "the archive's -wal"),
        ("tuner.db.lock", "the archive's .lock"),
        ("./records.jsonl", "dataset.output_path"),
        ("records.openai.train.jsonl", "the file of export.profiles for openai"),
        ("stats.json", "dataset.stats_path"),
    ],
)
def test_conversations_overwrite_nothing_that_is_configured(
    place: Place, capsys: pytest.CaptureFixture[str], out: str, why: str
) -> None:
    assert place.build("--from-export", "exports")[0] == 0
    for name in ("gone.txt", "notes.txt"):
        (place.folder / name).write_text("")
    (place.folder / "my.toml").write_text(
        '[dataset]\noutput_path = "records.jsonl"\nstats_path = "stats.json"\n[store]\npath = "tuner.db"\n'
        '[people]\nopt_outs = "gone.txt"\n[prompt]\npersona_notes_file = "notes.txt"\n'
    )
    before = {path: path.read_bytes() for path in place.folder.iterdir() if path.is_file()}
    assert main(["segment", "--config", "my.toml", "--out", out]) == 2
    assert f"is the same file as {why}" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before


def test_an_archive_that_can_only_be_read(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place.build("--from-export", "exports")[0] == 0
    with closing(sqlite3.connect(place.archive)) as db:
        [(message_id,)] = db.execute("SELECT max(id) FROM messages").fetchall()
    before = place.archive.read_bytes()
    monkeypatch.setattr(
        os, "access", lambda path, mode: False
    )  # a disk that is mounted read-only, even for root
    for command in (
        ["status"],
        ["segment", "--out", "talks.jsonl"],
        ["segment", "--explain", "workshop", "--around", str(message_id)],
    ):
        capsys.readouterr()
        assert main([*command, "--set", "store.path=tuner.db"]) == 0
        assert capsys.readouterr().out
    assert place.archive.read_bytes() == before


def test_lock_files_that_are_folders(place: Place) -> None:
    for lock in ("tuner.db.lock", ".records.jsonl.lock", ".stats.json.lock"):
        (place.folder / lock).mkdir()
        said = place.refusal(2, "--from-export", "exports")
        assert f"its lock file {lock} cannot be used" in said
        (place.folder / lock).rmdir()


def small_disk(place: Place, limit: int, *argv: str) -> tuple[int, str]:
    """Build in a process whose files cannot grow beyond `limit` bytes."""
    program = (
        "import resource, sys; from tuner.cli.main import main\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *place.arguments(*argv)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return done.returncode, done.stderr


def test_a_full_disk_while_the_dataset_is_written(place: Place) -> None:
    prompt = place.folder / "system.md"
    prompt.write_text("You are $persona, and you know this by heart: 0123456789.\n" * 300)
    write_exports(place.exports, {"general": server(1_000, ["general"])["general"]})
    options = (
        "--from-export",
        "exports",
        "--set",
        f"prompt.system_file={prompt}",
        "--set",
        "export.profiles=[]",
    )
    assert place.build(*options, "--dry-run")[0] == 0
    for file in place.old:
        file.write_bytes(OLD)
    said = place.checked(1, small_disk(place, place.archive.stat().st_size + 100_000, *options))
    assert said == (
        "records.jsonl could not be written: File too large. What was there before is untouched, and the archive "
        "keeps what was read and decided; make room or choose another place, and run again."
    )
    assert place.build(*options)[0] == 0
    assert len(place.old[0].read_text().splitlines()) > 50


def test_a_full_disk_while_the_archive_grows(place: Place) -> None:
    assert place.build("--from-export", "exports")[0] == 0
    for file in place.old:
        file.write_bytes(OLD)
    write_exports(place.exports, {"general": server(5_000, ["general"])["general"]})
    limit = place.archive.stat().st_size + 200_000
    options = ("--from-export", "exports")
    said = place.checked(1, small_disk(place, limit, *options))
    assert said.startswith("The archive tuner.db could not be written: ")
    assert "Free some space and run again; everything stored before is kept." in said
    assert place.build(*options)[0] == 0
    with closing(sqlite3.connect(place.archive)) as archive:
        assert archive.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert archive.execute("SELECT count(*) FROM messages").fetchone() == (5_004,)


# -- odd text ------------------------------------------------------------------


@pytest.mark.parametrize("path", [".", "..", "/", "out/", "./"])
@pytest.mark.parametrize("flag", ["--output", "--stats-file"])
def test_a_folder_where_a_file_belongs(place: Place, flag: str, path: str) -> None:
    said = place.refusal(2, "--from-export", "exports", flag, path)
    assert f"  - {flag}: names a folder, {path!r}; name a file in it" in said


def test_options_are_named_as_they_were_typed(place: Place) -> None:
    for argv, said in (
        (("--earliest", "yesterday"), "  - --earliest: should be a date or ISO 8601 time"),
        (("--max-samples", "0"), "  - --max-samples: should be greater than or equal to 1, not 0"),
        (("-c", "workshop"), "  - --channels: should be a Discord id"),
        (("--set", "dataset.max_samples=0"), "  - dataset.max_samples: should be greater"),
    ):
        assert said in place.refusal(2, "--from-export", "exports", *argv)


def test_what_is_no_text_and_what_no_path_can_hold(place: Place) -> None:
    assert "An argument is not UTF-8 text." in place.refusal(2, "--from-export", "exp\udcffrts")
    for text in ('[prompt]\nsystem_file = "a\\u0000b"\n', '[prompt.profiles."²"]\ntext = "x"\n'):
        (place.folder / "config.toml").write_text(text)
        assert "config.toml" in place.refusal(2, "--from-export", "exports")
    assert "There is no configuration file" in place.refusal(2, "--config", "a" * 300)
