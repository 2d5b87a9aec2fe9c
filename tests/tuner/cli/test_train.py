"""`train` as typed: what is shown before anything is sent, what is confirmed, and how each end is told."""

import io
import os
import pty
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.loopback_gateway import PATIENCE
from tests.support.providers import KEY, LoopbackProvider, Refusal, Trouble, write_dataset
from tests.support.threaded import in_thread
from tuner.cli.main import main

PRICES = """
[training.prices."gpt-oss-20b"]
tokens = 2.0
hosting = 1.7
read = 2026-11-24
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with a configuration, and somebody who types commands there."""

    folder: Path
    provider: LoopbackProvider

    def configure(self, *lines: str, provider: str = "compatible", extra: str = "") -> None:
        self.folder.joinpath("config.toml").write_text(
            "\n".join(
                [
                    "[dataset]",
                    f'output_path = "{self.folder}/records.jsonl"',
                    "[store]",
                    f'path = "{self.folder}/tuner.db"',
                    "[training]",
                    f'provider = "{provider}"',
                    f'base_url = "{self.provider.openai}"',
                    'api_key_env = "TRAINING_KEY"',
                    'model = "gpt-oss-20b"',
                    "backoff_seconds = 0.01",
                    "settle_seconds = 0.3",
                    "poll_seconds = 1",
                    *lines,
                    extra,
                ]
            )
        )

    def type(self, *words: str) -> int:
        return main(["train", *words, "--config", str(self.folder / "config.toml")])

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "tuner", "train", *words, "--config", str(self.folder / "config.toml")]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("TRAINING_KEY", KEY)
    write_dataset(tmp_path, "records.openai.train.jsonl")
    with in_thread(LoopbackProvider()) as provider:
        desk = Desk(tmp_path, provider)
        desk.configure()
        yield desk


# -- start -----------------------------------------------------------------------


def test_the_price_is_shown_and_the_job_started(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.configure("epochs = 3", extra=PRICES)
    assert desk.type("start", "--yes") == 0
    out, err = capsys.readouterr()
    assert "the server would train gpt-oss-20b on" in out
    assert "12 lines" in out and "gone through 3 times." in out
    assert "Hosting: $1.70 an hour, $1,224.00 in 30 days;" in out
    assert "Job 1: gpt-oss-20b at the server, waiting for its turn" in out
    assert "tuner train status 1 --watch" in out
    assert "Job 1 is written down." in err
    [body] = desk.provider.bodies
    assert body["method"]["supervised"]["hyperparameters"] == {"n_epochs": 3}
    assert KEY not in out + err


@pytest.mark.parametrize(
    ("lines", "extra", "said"),
    [
        ([], "", "Price: not known, no price is configured ([training.prices])."),
        ([], PRICES, "each time that the dataset is gone through ($2.00 per million trained tokens, read 2026-11-24)"),
        (["epochs = 1"], PRICES, "($2.00 per million trained tokens, read 2026-11-24)."),
    ],
)  # fmt: skip
def test_what_is_known_of_the_price_is_said(
    desk: Desk, lines: list[str], extra: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.configure(*lines, extra=extra)
    assert desk.type("start") == 2
    out, err = capsys.readouterr()
    assert said in out
    assert "Nothing was started: nobody is there to confirm the price. Add --yes to start it." in err
    assert desk.provider.requests == []


class Terminal(io.StringIO):
    """Somebody at a keyboard who has typed this."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "code", "jobs"),
    [("y\n", 0, 1), ("Yes\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0), ("yolo\n", 1, 0), ("", 1, 0)],
)
def test_a_person_is_asked(
    desk: Desk,
    answer: str,
    code: int,
    jobs: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert desk.type("start") == code
    assert ("Nothing was started." in capsys.readouterr().out) == (code == 1)
    assert len(desk.provider.created) == jobs


def test_a_terminal_is_asked(desk: Desk) -> None:
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            desk.command("start"), stdin=theirs, stdout=subprocess.PIPE, text=True
        ) as process:
            os.write(ours, b"y\n")
            out, _ = process.communicate(timeout=PATIENCE)
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 0, out
    assert len(desk.provider.created) == 1


def test_openais_end_is_told_before_it_is_confirmed(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.configure(provider="openai")
    desk.provider.plan("POST", "jobs$", Refusal(403, "No.", "training_not_available"))
    assert desk.type("start", "--yes") == 2
    out, err = capsys.readouterr()
    assert "OpenAI closes fine-tuning" in out
    assert "Fine-tuning closes on 2027-01-06 for everybody" in err


def test_azure_gets_its_kind_of_training(desk: Desk) -> None:
    desk.configure(provider="azure")
    assert desk.type("start", "--yes") == 0
    assert desk.provider.bodies[0]["trainingType"] == "GlobalStandard"


def test_without_a_dataset_there_is_a_sentence(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    (desk.folder / "records.openai.train.jsonl").unlink()
    assert desk.type("start", "--yes") == 1
    assert "There is no dataset to train on" in capsys.readouterr().err
    write_dataset(desk.folder, "records.openai.jsonl")  # as builds of before left it
    assert desk.type("start", "--yes") == 0


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ('{"messages": []}\n', "would be refused, so nothing was uploaded: line 1"),
        ("not json\n", "is not JSON"),
        ("", "the file has 0 lines"),
        ('{"messages": [], "metadata": {}}\n', "line 1: contains an extra key: metadata"),
    ],
)
def test_a_dataset_that_would_be_refused_is_not_uploaded(
    desk: Desk, broken: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk.folder / "records.openai.train.jsonl").write_text(broken)
    assert desk.type("start", "--yes") == 1
    assert said in capsys.readouterr().err
    assert desk.provider.requests == []


def test_everything_that_is_missing_is_named_at_once(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRAINING_KEY")
    assert desk.type("start", "--yes", "--set", "training.model=", "--set", "training.base_url=") == 2
    err = capsys.readouterr().err
    assert "3 things are missing before a model can be trained" in err
    assert "training.model is empty" in err and "training.base_url is empty" in err and "TRAINING_KEY" in err
    assert desk.type("start", "--yes", "--set", "training.provider=") == 2
    assert "training.provider is empty: name who trains, one of openai, azure" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["nowhere", "ftp://x/", "https://", "http://127.0.0.1:1/v1"])
def test_an_address_that_is_none_is_a_sentence(
    desk: Desk, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ["--set", f"training.base_url={address}", "--set", "training.attempts=1"]
    assert desk.type("start", "--yes", *changes, "--set", "training.settle_seconds=0") in (1, 2)
    err = capsys.readouterr().err
    assert "Traceback" not in err and err.count("tuner: ") == 1


def test_the_same_is_not_trained_twice_unless_asked(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.type("start", "--yes") == 0
    assert desk.type("start", "--yes") == 1
    assert "Job 1 (ftjob-2) trains just that already." in capsys.readouterr().err
    desk.provider.only_job().told |= {"status": "succeeded", "fine_tuned_model": "ft:x"}
    assert desk.type("status") == 0
    assert desk.type("start", "--yes") == 1
    assert "Job 1 trained just that and made ft:x." in capsys.readouterr().err
    assert desk.type("start", "--yes", "--again") == 0
    assert len(desk.provider.uploads) == 1


def test_a_key_is_in_no_line_and_no_log(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.provider.key = "another"
    assert desk.type("start", "--yes", "-v") == 2
    out, err = capsys.readouterr()
    assert "Incorrect API key provided" in err
    assert KEY not in out + err
    assert KEY.encode() not in b"".join(file.read_bytes() for file in desk.folder.glob("tuner.db*"))


# -- status, cancel, list ------------------------------------------------------------


def test_status_shows_how_it_is_doing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.configure("epochs = 2", extra=PRICES)
    desk.type("start", "--yes")
    job = desk.provider.only_job()
    job.told["status"] = "running"
    job.told["estimated_finish"] = time.time() + 90
    job.events = [{"type": "metrics", "data": {"step": 5, "total_steps": 20, "train_loss": 1.25}}]
    capsys.readouterr()
    assert desk.type("status") == 0
    out = capsys.readouterr().out
    assert "running, step 5 of 20, loss 1.25, $0.00" in out and "left" in out
    assert "its number there: ftjob-2" in out


def test_what_to_do_about_a_job_that_was_not_sent_is_said(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.configure("attempts = 1")
    desk.provider.plan("POST", "files$", Trouble.RESET)
    assert desk.type("start", "--yes", "--set", "training.settle_seconds=0") == 1
    assert "goes on from here, and starts nothing twice" in capsys.readouterr().err
    assert desk.type("status") == 0
    out = capsys.readouterr().out
    assert "its files are being uploaded" in out
    assert "`tuner train start` goes on with it, `tuner train cancel 1` calls it off." in out
    assert desk.type("cancel") == 0
    assert "It was called off before it was sent." in capsys.readouterr().out


def test_watching_goes_on_to_the_end(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.type("start", "--yes")
    desk.provider.only_job().told |= {"status": "succeeded", "fine_tuned_model": "ft:x"}
    assert desk.type("status", "1", "--watch") == 0
    assert "the tuned model: ft:x" in capsys.readouterr().out


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_why_it_failed_is_told_and_steers_no_terminal(
    desk: Desk, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.type("start", "--yes")
    words = "bad \x1b[31mline\x07 3\r\n\u202etxet \u0000end"
    desk.provider.only_job().told |= {"status": status, "error": {"message": words}}
    assert desk.type("status", "--watch") == 1
    out = capsys.readouterr().out
    assert "why: bad " in out and "line" in out
    assert all(character.isprintable() or character == "\n" for character in out)


def test_a_job_that_its_provider_lost_is_said_to_be(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.type("start", "--yes")
    kept = dict(desk.provider.jobs)
    desk.provider.jobs.clear()
    assert desk.type("status") == 0
    assert "the server did not know it when it was last asked" in capsys.readouterr().out
    assert desk.type("status", "1", "--watch") == 1
    assert "lost" in capsys.readouterr().out
    desk.provider.jobs |= kept
    assert desk.type("status", "1") == 0
    assert "waiting for its turn" in capsys.readouterr().out


@pytest.mark.parametrize(
    "told",
    [
        {"status": "meditating"},
        {"status": "running", "estimated_finish": 1e308, "trained_tokens": -5},
        {"status": "running", "error": "no object", "trained_tokens": "many", "fine_tuned_model": 7},
        {"status": "running", "metadata": [], "suffix": {}, "estimated_finish": "soon"},
        {"status": None},
        {"id": None},
    ],
)
def test_odd_answers_are_taken_as_far_as_they_go(
    desk: Desk, told: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    desk.configure("attempts = 1", extra=PRICES)
    desk.type("start", "--yes")
    job = desk.provider.only_job()
    job.told |= told
    job.events = [{"data": {"step": -1, "train_loss": "nan"}}, {"data": {"step": 1e999}}, {"message": 5}]
    assert desk.type("status") == 0
    assert "Job 1: gpt-oss-20b" in capsys.readouterr().out


def test_a_provider_that_cannot_be_asked_costs_only_the_news(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.type("start", "--yes")
    monkeypatch.delenv("TRAINING_KEY")
    assert desk.type("status") == 0
    out, err = capsys.readouterr()
    assert "Job 1 is shown as it was last known: Asking the server about training needs" in err
    assert "waiting for its turn" in out


def test_a_job_is_ended(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.type("start", "--yes")
    assert desk.type("cancel") == 0
    assert "gpt-oss-20b at the server, cancelled" in capsys.readouterr().out
    assert desk.type("cancel", "1") == 0
    assert "Job 1 is over already." in capsys.readouterr().out
    assert desk.type("cancel") == 1
    assert "nothing to end" in capsys.readouterr().err
    assert desk.type("cancel", "5") == 2
    assert "There is no job 5." in capsys.readouterr().err


def test_several_jobs_want_a_number(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.type("start", "--yes")
    desk.type("start", "--yes", "--set", "training.epochs=2")
    assert desk.type("cancel") == 2
    assert (
        "Several jobs are not over: 1, 2. Name the one to end: tuner train cancel 1"
        in capsys.readouterr().err
    )
    assert desk.type("list") == 0
    assert capsys.readouterr().out.count("Job ") == 2
    assert desk.type("status") == 0
    assert capsys.readouterr().out.count("Job ") == 2


def test_commands_without_an_archive_or_a_job(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["status"], ["cancel"], ["list"]):
        assert desk.type(*words) == 2
        assert "There is no archive" in capsys.readouterr().err
    desk.provider.plan("POST", "files$", Refusal(400, "no"))
    desk.type("start", "--yes")
    assert desk.type("list", "--person", "5") == 0
    assert "No job with words of 5 in its dataset is known." in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [[], ["begin"], ["status", "x"], ["cancel", "0"], ["list", "--person", "me"]]
)
def test_a_mistake_is_answered_with_a_sentence(
    desk: Desk, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *words]) == 2
    assert capsys.readouterr().err.startswith("tuner: ")


# -- killed ------------------------------------------------------------------------


@contextmanager
def process_of(desk: Desk) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        desk.command("start", "--yes"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("seed", range(4))
def test_killed_with_sigkill_it_is_gone_on_with(desk: Desk, seed: int) -> None:
    """A process is killed while a request of it waits for its answer, obeyed or not; the next one goes on."""
    moments = random.Random(seed)
    write_dataset(desk.folder, "records.openai.valid.jsonl", 2, "bye")
    held = moments.choice(["POST /v1/files", "GET /v1/files", "POST /v1/fine_tuning/jobs"])
    obeyed = moments.random() < 0.5
    if obeyed:
        desk.provider.plan(held.split()[0], held.split()[1] + "$", Trouble.HANG)
    else:
        desk.provider.held = lambda request: request == held
    with process_of(desk) as process:
        deadline = time.monotonic() + PATIENCE
        while held not in desk.provider.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(moments.random() * 0.05)
        process.kill()
        process.communicate(timeout=PATIENCE)
    desk.provider.held = lambda request: False  # what was held is obeyed now, with nobody there any more
    assert desk.type("start", "--yes", "--set", "training.settle_seconds=30") == 0
    assert desk.provider.twice() == ([], [])
    assert (len(desk.provider.uploads), len(desk.provider.created)) == (2, 1)


@pytest.mark.parametrize("looking", [["status"], ["start", "--yes", "--set", "training.epochs=2"]])
def test_an_orphan_is_found_by_whoever_looks(
    desk: Desk, looking: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    desk.provider.plan("POST", "jobs$", Trouble.HANG)
    with process_of(desk) as process:
        deadline = time.monotonic() + PATIENCE
        while not desk.provider.created and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        process.communicate(timeout=PATIENCE)
    assert desk.type(*looking) == 0
    capsys.readouterr()
    assert desk.type("list") == 0
    assert "its number there: ftjob-2" in capsys.readouterr().out
    assert desk.type("cancel", "1") == 0
    assert desk.provider.jobs["ftjob-2"].told["status"] == "cancelled"
