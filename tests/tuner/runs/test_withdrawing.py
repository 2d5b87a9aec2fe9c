"""Withdrawn words leave every file: in random worlds, wherever a process dies, and with a receipt for the rest.

ERASURE_WORLDS says how many worlds (25 when it is not set), ERASURE_STEPS=all has a process die at every step.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.export_files import at, person, said, write
from tuner.adapters.dataset_files import manifest_path, part_path
from tuner.adapters.dataset_sweep import read_manifest
from tuner.amounts import counted
from tuner.cli.main import main
from tuner.dataset.manifest import RECORDS

WORLDS = int(os.environ.get("ERASURE_WORLDS", "25"))
NAMES = ("Zaphodnik", "Annegret", "Benedikt", "Cassiopeia")
IDS = (810_000_000_000_000_201, 810_000_000_000_000_102, 810_000_000_000_000_103, 810_000_000_000_000_104)
PEOPLE = tuple(person(i, name) for i, name in zip(IDS, NAMES, strict=True))
GONE = 0  # who is forgotten
THREAD = 500_000_000_000_000_009
KINDS = ("plain", "mention", "at", "ask", "poll")


@dataclass(frozen=True)
class Said:
    """A message of a world: whose, of what kind, whether it is edited later, whether in a thread of the forgotten's."""

    who: int
    kind: str
    edited: bool
    threaded: bool


@dataclass(frozen=True)
class World:
    talk: tuple[Said, ...]
    profiles: tuple[str, ...]
    validation: float
    transcripts: bool
    listed: bool
    builds: int


worlds = st.builds(
    World,
    st.lists(
        st.builds(
            Said,
            st.sampled_from((0, *(1, 2, 3) * 3)),
            st.sampled_from(KINDS),
            st.booleans(),
            st.booleans(),
        ),
        min_size=20,
        max_size=60,
    ).map(tuple),
    st.sampled_from((("openai",), ("trl", "plain"), ("portable", "openai"))),
    st.sampled_from((0.0, 0.3)),
    st.booleans(),
    st.booleans(),
    st.integers(1, 3),
)


def word_of(number: int, who: int) -> str:
    return f"qz{NAMES[who].lower()}{number}x"


def message(number: int, one: Said, *, edited: bool, last: int | None) -> dict[str, Any]:
    own, other = word_of(number, one.who), (one.who + number) % len(PEOPLE)
    text = f"the {own} kettle number {number} stands behind the green cupboard upstairs"
    fields: dict[str, Any] = {}
    if one.kind == "mention":
        text, fields = f"<@{IDS[other]}> {text}", {"mentions": [PEOPLE[other]]}
    elif one.kind == "at":
        text = f"@{NAMES[other]} {text}"
    elif one.kind == "ask":
        text = f"Do you remember what was said about the kettle number {max(0, number - 9)}, {own}?"
    if edited and one.edited:
        text = text.replace(own, f"new{number}y")
        fields["timestampEdited"] = "2025-06-01T00:00:00+00:00"
    when = (number // 4) * 43_200 + (number % 4) * 20
    return said(at(when), PEOPLE[one.who], text, reply_to=last, **fields)


def export(folder: Path, world: World, *, edited: bool) -> None:
    places: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for number, one in enumerate(world.talk):
        place = places[one.threaded]
        last = int(place[-1]["id"]) if place and number % 4 else None
        place.append(message(number, one, edited=edited, last=last))
    write(folder / "export/general.json", places[False])
    if places[True]:
        theirs = any(
            one.threaded and one.who == GONE for one in world.talk
        )  # no export says who began a thread
        title = f"qz{NAMES[GONE if theirs else 1].lower()}title"
        kept = {
            "type": "GuildPublicThread",
            "categoryId": str(500_000_000_000_000_002),
            "category": "general",
        }
        write(folder / "export/thread.json", places[True], THREAD, title, **kept)


def options(world: World) -> list[str]:
    chosen = {
        "dataset.output_path": "out/records.jsonl",
        "dataset.raw_dump_dir": "raw" if world.transcripts else "",
        "dataset.stats_path": "out/stats.json",
        "store.path": "tuner.db",
        "export.validation": world.validation,
        "screen.same_reply": 0,  # what is said here is all alike
        "screen.near_copies": 0,
    }
    flags = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
    return [*flags, *(("-u", ",".join(map(str, IDS))) if world.listed else ())]


def build(world: World, *more: str) -> int:
    profiles = [word for name in world.profiles for word in ("--profile", name)]
    return main(["build-dataset", "--from-export", "export", *options(world), *profiles, *more])


def everything(*left_out: str) -> dict[str, bytes]:
    """All that lies there but the exports, empty lock files and what is named."""
    files = [path for path in Path().rglob("*") if path.is_file() and path.parts[0] != "export"]
    found = [path for path in files if path.suffix != ".lock" or path.stat().st_size]
    return {str(path): path.read_bytes() for path in found if path.name not in left_out}


def holding(words: Sequence[str], *left_out: str) -> dict[str, list[str]]:
    found = {
        name: [word for word in words if word.encode() in content or word.encode() in content.lower()]
        for name, content in everything(*left_out).items()
    }
    return {name: held for name, held in found.items() if held}


def config_of(world: World) -> list[str]:
    return [word for word in options(world) if word != "-u" and not word.startswith(str(IDS[0]))]


@settings(
    max_examples=WORLDS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=WORLDS == 25,
    phases=(Phase.generate,),  # a world takes a second: a smaller one that fails as well is not looked for
)
@given(worlds)
def test_nothing_of_somebody_who_is_forgotten_is_left_anywhere(world: World) -> None:
    with TemporaryDirectory() as folder, chdir(folder):
        export(Path(), world, edited=False)
        for number in range(world.builds):
            build(world, *(("--max-samples", str(3 + number)) if number else ()))
        export(Path(), world, edited=True)
        build(world)
        main(["refresh", *config_of(world)])
        old = [
            word_of(number, one.who)
            for number, one in enumerate(world.talk)
            if one.edited and one.who != GONE
        ]
        assert holding(old) == {}
        samples = read_manifest(Path("out/records.jsonl"))
        assert main(["forget", str(IDS[GONE]), *config_of(world)]) == 0
        own = [f"qz{NAMES[GONE].lower()}", f"@{NAMES[GONE].lower()}"]
        assert holding(own) == {}
        assert holding([str(IDS[GONE])], "tuner.db", "tuner.db-wal") == {}
        _check_files(samples is not None)
        build(world)
        assert holding(own) == {}


def _check_files(made: bool) -> None:
    """Every dataset that is left is whole: its files and its manifest say the same."""
    for path in sorted(Path("out").glob("records*.jsonl")):
        if (
            (path.name.count(".") > 1 and ".run-" not in path.name)
            or ".train" in path.name
            or ".valid" in path.name
        ):
            continue
        manifest = read_manifest(path)
        assert made and manifest and manifest.samples
        for part in manifest.parts:
            if part_path(path, part.name).exists() or part.name == RECORDS:
                lines = part_path(path, part.name).read_bytes().splitlines()
                assert len(lines) == len(part.samples)
                assert all(json.loads(line)["messages"] for line in lines)


# -- where a process dies -----------------------------------------------------------

DYING = """
import os, sys
from contextlib import asynccontextmanager
from pathlib import Path
from tuner.adapters import sqlite_store, switch
from tuner.cli.main import main

steps = 0

def step():
    global steps
    steps += 1
    if steps == int(os.environ["DIES_AT"]):
        os._exit(9)

def around(kind, name):
    real = getattr(kind, name)
    def stepping(*given, **more):
        step()
        made = real(*given, **more)
        step()
        return made
    setattr(kind, name, stepping)

for name in ("replace", "unlink", "hardlink_to"):
    around(Path, name)
around(switch, "_to_disk")
real = sqlite_store.Store.transaction

@asynccontextmanager
async def transaction(self):
    async with real(self) as db:
        yield db
        step()
    step()

sqlite_store.Store.transaction = transaction
code = main(sys.argv[1:])
print("steps", steps)
sys.exit(code)
"""


def dying(at_step: int, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DIES_AT": str(at_step), "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run(
        [sys.executable, "-c", DYING, *command], env=environment, capture_output=True, text=True
    )


WORLD = World(
    tuple(Said(0 if n % 12 == 0 else 1 + n % 3, KINDS[n % 5], n % 3 == 0, n % 8 > 3) for n in range(48)),
    ("openai",),
    0.3,
    True,
    False,
    2,
)


def test_a_process_that_dies_has_it_done_by_the_next() -> None:
    with TemporaryDirectory() as folder, chdir(folder):
        export(Path(), WORLD, edited=False)
        for samples in ("50", "6"):
            build(WORLD, "--max-samples", samples)
        before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
        whole = dying(0, "forget", str(IDS[GONE]), *config_of(WORLD))
        assert whole.returncode == 0, whole.stderr
        steps, after = int(whole.stdout.split("steps ")[1]), everything("tuner.db")
        assert steps > 30
        stride = 1 if os.environ.get("ERASURE_STEPS") == "all" else 7
        for step in range(1, steps + 1, stride):
            for path in [path for path in Path().rglob("*") if path.is_file()]:
                path.unlink()
            for path, content in before.items():
                path.write_bytes(content)
            assert dying(step, "forget", str(IDS[GONE]), *config_of(WORLD)).returncode == 9
            command = ["refresh"] if _is_known() else ["forget", str(IDS[GONE])]
            assert main([*command, *config_of(WORLD)]) == 0, step
            assert holding([f"qz{NAMES[GONE].lower()}", f"@{NAMES[GONE].lower()}"]) == {}, step
            assert everything("tuner.db") == after, step


def _is_known() -> bool:
    """Whether the archive was told before the process died."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect("tuner.db")) as db:
        return bool(db.execute("SELECT 1 FROM opt_outs").fetchall())


# -- what is not reached --------------------------------------------------------------


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    export(tmp_path, WORLD, edited=False)
    assert build(WORLD) == 0
    return tmp_path


def forget() -> int:
    return main(["forget", str(IDS[GONE]), *config_of(WORLD)])


def test_a_file_that_somebody_changed_is_named_and_left(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = built / "out/records.openai.train.jsonl"
    train.write_bytes(train.read_bytes() + b"\n")
    changed = train.read_bytes()
    assert forget() == 0
    said = capsys.readouterr().out
    assert "out/records.openai.train.jsonl was changed since Tuner wrote it" in said
    assert train.read_bytes() == changed
    assert b"qzzaphodnik" not in (built / "out/records.jsonl").read_bytes()
    assert main(["refresh", *config_of(WORLD)]) == 0
    assert "was changed since Tuner wrote it" in capsys.readouterr().out  # until it is gone


def test_a_dataset_that_was_moved_away_is_named(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (built / "out").rename(built / "elsewhere")
    assert forget() == 0
    assert "The dataset of run 1 is not where it was written any more" in capsys.readouterr().out
    assert main(["forget", str(IDS[1]), *config_of(WORLD)]) == 0


def test_one_file_that_was_moved_away_is_named(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (built / "out/records.openai.train.jsonl").rename(built / "mine.jsonl")
    assert forget() == 0
    assert "out/records.openai.train.jsonl is not where it was written any more" in capsys.readouterr().out


def test_a_dataset_without_a_manifest_is_named(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest_path(built / "out/records.jsonl").unlink()
    assert forget() == 0
    assert "out/records.jsonl has no manifest beside it" in capsys.readouterr().out


def test_the_page_and_the_counts_say_what_is_left(built: Path) -> None:
    assert forget() == 0
    records = built / "out/records.jsonl"
    manifest, page = read_manifest(records), (built / "out/records.md").read_text("utf-8")
    assert manifest and manifest.taken_out
    assert f"- {counted(len(manifest.samples), 'sample')} of " in page
    assert "taken out since it was built" in page
    counts = json.loads((built / "out/stats.json").read_text("utf-8"))
    assert counts["samples"] == len(manifest.samples) == records.read_bytes().count(b"\n")
    assert [file["sha256"] for file in counts["files"]] == [part.sha256 for part in manifest.parts]


def test_refreshing_what_is_up_to_date_changes_nothing(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything("tuner.db")
    capsys.readouterr()
    assert main(["refresh", *config_of(WORLD)]) == 0
    assert capsys.readouterr().out == "Every written file is up to date with the archive.\n"
    assert everything("tuner.db") == before


def test_transcripts_that_are_written_anew_are_screened_and_under_aliases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gone, ann, ben = PEOPLE[:3]
    talks = (
        (gone, "who has the key of the workshop?"),
        (ann, f"{NAMES[2]} had the key, write to key.keeper@example.com about the workshop"),
        (ben, "the key hangs on the nail behind the workshop door"),
    )
    write(tmp_path / "in.json", [said(at(20 * n + 5), who, text) for n, (who, text) in enumerate(talks)])
    settings = ["--set", "prompt.names=alias", "--set", "store.path=tuner.db", "--raw-dump-dir", "raw"]
    assert main(["build-dataset", "--from-export", "in.json", *settings, "-o", "out/records.jsonl"]) == 0
    [transcript] = (tmp_path / "raw").iterdir()
    before = transcript.read_text("utf-8")
    settings[-2:] = ["--set", "dataset.raw_dump_dir=raw", "--set", "dataset.output_path=out/records.jsonl"]
    assert main(["forget", gone["id"], *settings]) == 0
    after = transcript.read_text("utf-8")
    assert "workshop?" in before and "workshop?" not in after
    for text in (before, after):
        assert "key.keeper" not in text and not any(name in text for name in NAMES)
    assert [line for line in before.splitlines() if "nail" in line] == [
        line for line in after.splitlines() if "nail" in line
    ]
