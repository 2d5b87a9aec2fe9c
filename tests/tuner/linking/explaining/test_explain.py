"""Explain: which message each was linked to and why, as facts that hold and as a person reads them."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.exports import Said, channel_id, message_ids, messages, server, user_id, write_exports
from tuner.cli.explanation import Stretch, shown
from tuner.cli.main import main
from tuner.cli.printing import printable
from tuner.linking.calibration import UNCHANGED, Calibration
from tuner.linking.conversations import Linking, conversations
from tuner.linking.explaining import explain as explaining
from tuner.linking.explaining.explain import MOST_REASONS, WEAKEST, Case, Explainer, Explanation
from tuner.linking.explaining.groups import LINK, START
from tuner.linking.linker import Linker, Looker, Weights
from tuner.linking.structure import SHORTLIST
from tuner.models import Extras, Message

WEIGHTS = Weights.shipped()

QUESTIONS = (
    Said("Ann", "does anyone know how the router reaches the printer?"),
    Said("Cat", "hello, how long does a sourdough starter keep in the fridge?", 4),
)
NAMING = (*QUESTIONS, Said("Ben", "@Ann over the cable, I think", 0.3))


def explained(
    found: Sequence[Message],
    wanted: Sequence[int] | None = None,
    calibration: Calibration = UNCHANGED,
    least: float = 0.0,
) -> list[Explanation]:
    ids = [m.id for m in found] if wanted is None else [found[i].id for i in wanted]
    explainer = Explainer(WEIGHTS, ids, calibration, least)
    return [e for message in found for e in explainer.add(message)] + explainer.finish()


def probability(explanation: Explanation, target: int | None) -> float:
    """Of a target, as far as the explanation tells."""
    if explanation.target == target:
        return explanation.confidence
    other, likely = explanation.otherwise or (None, 0.0)
    return likely if other == target else 0.0


def groups(explanation: Explanation) -> list[str]:
    return [reason.group for reason in explanation.reasons]


@pytest.fixture(scope="module")
def talk() -> tuple[Message, ...]:
    """Longer than the linker decides at once."""
    return messages(server(1400, ["general"])["general"])


# -- what is decided, and why ------------------------------------------------------


def test_a_native_reply_is_said_to_be_one() -> None:
    found = messages([*QUESTIONS, Said("Ben", "over the cable", 0.3, reply_to=0)])
    last = explained(found)[-1]
    assert (last.target, last.confidence, last.otherwise, last.against) == (found[0].id, 1.0, None, None)
    assert [reason.text for reason in last.reasons] == ["Ben pressed the reply button"]


def test_a_mention_is_the_reason_and_without_it_the_link_is_less_likely() -> None:
    found = messages(NAMING)
    last = explained(found)[-1]
    assert last.target == found[0].id
    assert last.reasons[0].group == "named"
    assert last.reasons[0].text == "mentions Ann, who wrote it"
    unnamed = replace(found[2], text="over the cable, I think", extras=Extras())
    assert probability(explained([*found[:2], unnamed])[-1], found[0].id) < last.confidence


def test_the_first_message_follows_nothing() -> None:
    first = explained(messages(QUESTIONS))[0]
    assert (first.target, first.otherwise) == (None, None)
    assert [reason.text for reason in first.reasons] == ["nothing comes before it"]


def test_a_start_is_explained_by_the_message_itself() -> None:
    second = explained(messages(QUESTIONS))[1]
    assert second.target is None
    assert second.reasons and {*groups(second)} <= {group.name for group in START}
    facts = {reason.text for reason in second.reasons}
    assert facts & {"asks something", "mentions nobody", "Cat's first message"}


def test_going_on_is_explained_by_the_author() -> None:
    found = messages([*QUESTIONS, Said("Cat", "and does it need feeding there", 0.1)])
    last = explained(found)[-1]
    assert last.target == found[1].id
    assert "author" in groups(last)
    assert "the same author goes on" in {reason.text for reason in last.reasons}


def test_shared_words_are_told() -> None:
    found = messages([*QUESTIONS, Said("Ben", "a sourdough starter keeps for weeks", 0.5)])
    seen = {n: explaining.Seen(m, explaining.Reader().read(m)) for n, m in enumerate(found)}
    assert explaining._shared(seen[2], seen[1]) == ("sourdough", "starter")
    assert explaining._shared(seen[2], seen[0]) == ()


def test_words_are_told_that_only_the_rest_of_the_conversation_shares(talk: tuple[Message, ...]) -> None:
    told = [r for e in explained(talk[:500]) for r in e.reasons if r.group == "words"]
    elsewhere = [r for r in told if r.text == "its conversation has held the same rare words"]
    assert 0 < len(elsewhere) < len(told)
    assert all(r.effect > 0 for r in elsewhere)


def test_the_runner_up_is_another_and_less_likely_unless_it_is_a_start(talk: tuple[Message, ...]) -> None:
    others = [e for e in explained(talk[:300]) if e.otherwise]
    assert len(others) > 100
    for explanation in others:
        target, likely = explanation.otherwise or (None, 1.0)
        assert target != explanation.target
        most = explanation.confidence if target else 2 * explanation.confidence + 0.001
        assert 0 < likely <= most or groups(explanation) == ["unsure"]
        assert likely + explanation.confidence <= 1


def test_a_link_that_is_not_sure_enough_is_said_to_be_missing(talk: tuple[Message, ...]) -> None:
    usual = {e.message.id: e for e in explained(talk[:200])}
    for explanation in explained(talk[:200], least=1.0):
        before = usual[explanation.message.id]
        if explanation.message.reply_to is not None or before.target is None:
            assert explanation.target == before.target
        elif before.confidence < 1:
            assert explanation.target is None
            assert explanation.otherwise is not None
            if explanation.otherwise[1] > explanation.confidence:
                assert explanation.reasons[0].text.endswith("less sure than segment.min_confidence, 100%")


def test_what_is_answered_itself_is_said_to_need_a_surer_conversation(talk: tuple[Message, ...]) -> None:
    unsure = [e for e in explained(talk) if groups(e) == ["unsure"]]
    assert unsure
    for explanation in unsure:
        assert explanation.target is None and explanation.otherwise is not None
        assert explanation.otherwise[0] is not None
        needed = int(explanation.reasons[0].text.partition(" that are needed")[0][-3:-1])
        assert 100 * explanation.otherwise[1] <= needed + 1
        assert (needed > 25) == explanation.reasons[0].text.endswith("because it seems to be answered itself")


# -- it says what the linker does --------------------------------------------------


@pytest.mark.parametrize(
    ("calibration", "least"), [(UNCHANGED, 0.0), (UNCHANGED, 0.7), (replace(UNCHANGED, start=-1.5), 0.0)]
)
def test_links_are_those_of_the_linker(
    talk: tuple[Message, ...], calibration: Calibration, least: float
) -> None:
    linker = Linker(WEIGHTS, calibration, least)
    links = [link for message in talk for link in linker.add(message)] + linker.finish()
    found = explained(talk, calibration=calibration, least=least)
    assert [(e.message.id, e.target, e.confidence) for e in found] == [
        (link.message.id, link.target, link.confidence) for link in links
    ]


def test_conversations_are_those_of_the_segment_stage(talk: tuple[Message, ...]) -> None:
    last_reply = {m.reply_to: m.id for m in talk if m.reply_to is not None}
    known = [replace(m, last_reply=last_reply.get(m.id, 0)) for m in talk]
    far = replace(known[1300], reply_to=known[2].id)
    known[2] = replace(known[2], last_reply=far.id)
    known[1300] = far
    found = {e.message.id: e.conversation for e in explained(known)}
    written = {m.id: c.messages[0].id for c in conversations(known, Linking(WEIGHTS)) for m in c.messages}
    assert found == written
    assert found[far.id] == found[known[2].id]


def test_what_cannot_be_answered_any_more_is_forgotten(talk: tuple[Message, ...]) -> None:
    explainer = Explainer(WEIGHTS, ())
    for message in talk:
        explainer.add(message)
    assert len(explainer._home) < 1200


def test_it_is_explained_as_soon_as_it_is_decided_and_not_otherwise(talk: tuple[Message, ...]) -> None:
    whole = explained(talk)
    explainer = Explainer(WEIGHTS, [talk[400].id, talk[700].id])
    found: list[Explanation] = []
    rest = iter(talk)
    while len(found) < 2:
        found += explainer.add(next(rest))
    assert found == [whole[400], whole[700]]
    assert len(list(rest)) > 100
    assert len(explainer._seen) < 1200


# -- effects are what they are said to be --------------------------------------------


def cases(talk: Sequence[Message]) -> Iterator[tuple[Case, int, Explanation]]:
    """Every linked message without a native reply: its case, the column of its target, its explanation."""
    looker, found = Looker(WEIGHTS), {e.message.id: e for e in explained(talk)}
    looks = [*(looker.add(message) for message in talk), looker.finish()]
    for look in filter(None, looks):
        for index, row in enumerate(look.rows.tolist()):
            explanation = found[talk[row + look.view.start].id]
            if explanation.message.reply_to is None and explanation.target is not None:
                case = Case(look, index, WEIGHTS)
                np.testing.assert_array_equal(case.scores(case.inputs), look.scores[index])
                ids = [talk[row + look.view.start].id for row in case.candidates.tolist()]
                yield case, ids.index(explanation.target), explanation


def test_without_its_reason_a_link_scores_less(talk: tuple[Message, ...]) -> None:
    plain = {group.name: group for group in LINK}
    checked = 0
    for case, column, explanation in cases(talk[:200]):
        effects = [reason.effect for reason in explanation.reasons]
        assert effects == sorted(effects, reverse=True) and len(effects) <= MOST_REASONS
        assert all(effect >= WEAKEST for effect in effects)
        assert explanation.against is None or explanation.against.effect < 0
        for reason in explanation.reasons:
            if reason.group not in ("near", "author"):  # to these others may have been joined
                lost = case.margin(column) - case.margin(column, plain[reason.group])
                assert lost == reason.effect > 0
                checked += 1
    assert checked > 100


def test_every_group_neutralises_inputs_that_exist(talk: tuple[Message, ...]) -> None:
    case, column, _ = next(cases(talk[:200]))
    for group in (*LINK, *START):
        assert np.isfinite(case.margin(column, group)), group.name
        assert any((group.message, group.situation, group.candidate, group.structure, group.pair))
    assert case.inputs.pair.shape[1] == SHORTLIST


# -- how it looks --------------------------------------------------------------------


def lines_of(found: Sequence[Message], asked: int = 0) -> list[str]:
    return shown(Stretch(explained(found), found[asked].id, {m.id: m for m in found}, {}))


def test_messages_of_one_conversation_have_one_letter() -> None:
    found = messages([*NAMING, Said("Ben", "so is the printer on?", 0.1, reply_to=2)])
    heads = [line for line in lines_of(found, asked=2) if line[7:8].isdigit() or "#" in line[:6]]
    assert [(line[0], line[2], line[5:7]) for line in heads] == [
        (" ", "A", "#1"),
        (" ", "B", "#2"),
        (">", "A", "#3"),
        (" ", "A", "#4"),
    ]


def test_a_line_tells_when_who_and_what() -> None:
    found = messages(NAMING)
    text = "\n".join(lines_of(found))
    assert (
        "> A  #1   2024-01-01 10:00:30  Ann: does anyone know how the router reaches the printer?\n" in text
    )
    assert "→ answers #1 Ann 10:00:30 “does anyone know how the" in text


def test_nothing_reaches_the_terminal_that_steers_it() -> None:
    found = list(messages(NAMING))
    found[0] = replace(
        found[0], name="An\x1b[31mn\u202e", text="does\x07 any\x1b]0;one\x07\nknow\u2028it?\x9b2J"
    )
    assert all(printable(line) == line and line.isprintable() for line in lines_of(found))


def test_words_that_are_not_kept_are_said_not_to_be() -> None:
    found = list(messages(NAMING))
    found[1] = Message(found[1].id, found[1].channel_id, -5)
    assert any(line.endswith("  somebody: (words not kept)") for line in lines_of(found))


def test_what_was_answered_before_is_named_with_its_time_and_what_is_gone_with_its_id() -> None:
    found = messages([*QUESTIONS, Said("Ben", "over the cable", 60 * 24, reply_to=0)])
    last = explained(found)[-1:]
    stored = Stretch(last, found[2].id, {m.id: m for m in found}, {})
    assert "→ answers Ann 2024-01-01 10:00:30 “does anyone" in "\n".join(shown(stored))
    gone = Stretch(last, found[2].id, {}, {})
    assert f"→ answers message {found[0].id}, which is not stored" in "\n".join(shown(gone))


# -- the command -------------------------------------------------------------------

SIZE = 300


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_exports(tmp_path / "exports", server(SIZE, ["general", "games"]))
    return tmp_path


def games() -> list[int]:
    return message_ids("games", server(SIZE, ["general", "games"])["games"])


def test_a_channel_is_explained_by_name_and_by_id(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = str(games()[70])
    assert main(["build-dataset", "--from-export", "exports"]) == 0
    capsys.readouterr()
    outputs = []
    for channel in ("games", "#games", "#Games", str(channel_id("games"))):
        assert main(["segment", "--explain", channel, "--around", asked]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        outputs.append(captured.out)
    assert len(set(outputs)) == 1
    assert outputs[0].startswith(f"#games ({channel_id('games')}), times in UTC\n")
    heads = [line for line in outputs[0].splitlines() if line[5:6] == "#"]
    assert len(heads) == 12 and [line[0] for line in heads].count(">") == 1
    assert heads[6].startswith(">")

    assert main(["segment", "--from-export", "exports", "--explain", "games", "--around", asked]) == 0
    assert capsys.readouterr().out == outputs[0]


@pytest.mark.parametrize(("position", "count", "shown_there"), [(0, 5, 3), (149, 6, 4), (70, 1, 1)])
def test_the_stretch_ends_where_the_channel_does(
    position: int, count: int, shown_there: int, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["segment", "--from-export", "exports", "--explain", "games", "--lines", str(count)]
    assert main([*command, "--around", str(games()[position])]) == 0
    heads = [line for line in capsys.readouterr().out.splitlines() if line[5:6] == "#"]
    assert len(heads) == shown_there


def test_what_is_shown_is_what_segment_writes(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Messages with one letter are in one conversation."""
    assert main(["segment", "--from-export", "exports", "--out", "talks.jsonl"]) == 0
    talks = [json.loads(line)["messages"] for line in (place / "talks.jsonl").read_text().splitlines()]
    home = {int(i): number for number, ids in enumerate(talks) for i in ids}
    capsys.readouterr()
    command = ["segment", "--from-export", "exports", "--explain", "games", "--lines", "150"]
    assert main([*command, "--around", str(games()[75])]) == 0
    heads = [line for line in capsys.readouterr().out.splitlines() if line[5:6] == "#"]
    letters = [line[2:5].strip() for line in heads]
    assert len(letters) == len(games())
    pairs = set(zip(letters, (home[i] for i in games()), strict=True))
    assert len(pairs) == len(set(letters)) == len({conversation for _, conversation in pairs}) > 5


WATCHED = [
    Said("Ann", "does anyone know how the router reaches the printer?"),
    Said("Zed", "over the zeppelin cable, as Ann knows"),
    Said("Ann", "@Zed thanks, that helped me a lot"),
    Said("Ben", "is the printer on, Ann?"),
    Said("Ann", "@Ben it is"),
]


@pytest.mark.parametrize("how", ["not allowed", "opted out", "no persona"])
def test_nobody_is_shown_who_may_not_be_used_now(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the archive was built with. Showing changes nothing in it."""
    monkeypatch.chdir(tmp_path)
    write_exports(tmp_path / "exports", {"games": WATCHED})
    build, now = ["build-dataset", "--from-export", "exports"], []
    if how == "no persona":
        file = tmp_path / "exports" / "games.json"
        export = json.loads(file.read_text())
        for user in [said["author"] for said in export["messages"]] + export["messages"][2]["mentions"]:
            user["isBot"] = user["id"] == str(user_id("Zed"))
        file.write_text(json.dumps(export))
        build += ["--set", f"dataset.personas=[{user_id('Zed')}]"]
    elif how == "not allowed":
        now = ["--set", f"dataset.allowed_users=[{user_id('Ann')}, {user_id('Ben')}]"]
    assert main(build) == 0
    explain = ["segment", "--explain", "games", "--around", str(message_ids("games", WATCHED)[2])]
    if how != "opted out":
        assert main([*explain, *build[3:]]) == 0
        assert "zeppelin" in capsys.readouterr().out
    else:
        with closing(sqlite3.connect(tmp_path / "data" / "tuner.db")) as archive, archive:
            archive.execute("INSERT INTO opt_outs (user_id, since) VALUES (?, '')", (user_id("Zed"),))
        capsys.readouterr()  # the build was to show him
    before = stored_messages(tmp_path)
    assert main([*explain, *now]) == 0
    shown_now = capsys.readouterr().out
    assert "somebody: (words not kept)" in shown_now
    assert "Zed" not in shown_now and "zeppelin" not in shown_now
    assert "Ann: @someone thanks" in shown_now and "Ben: is the printer on" in shown_now
    assert stored_messages(tmp_path) == before


def test_a_title_is_its_authors_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_exports(tmp_path / "exports", {"zeppelin": [*reversed(WATCHED), WATCHED[0]]})
    file = tmp_path / "exports" / "zeppelin.json"
    export = json.loads(file.read_text())
    asked, title = export["messages"][3], export["channel"]  # the fourth is Zed's
    title["id"] = asked["id"]
    file.write_text(json.dumps(export))
    assert main(["build-dataset", "--from-export", "exports"]) == 0
    explain = ["segment", "--explain", title["id"], "--around", asked["id"]]
    assert main(explain) == 0
    assert "#zeppelin" in capsys.readouterr().out
    assert main([*explain, "--set", f"dataset.allowed_users=[{user_id('Ann')}, {user_id('Ben')}]"]) == 0
    assert "zeppelin" not in capsys.readouterr().out


def stored_messages(place: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(place / "data" / "tuner.db")) as archive:
        return archive.execute("SELECT id, speaker, content, extras FROM messages").fetchall()


def test_an_unknown_channel_gets_those_there_are(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["segment", "--from-export", "exports", "--explain", "gamse", "--around", "5"]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("tuner: Channel gamse is not stored. Stored: ")
    assert f"{channel_id('games')} (#games)" in error and error.count("\n") == 1


def test_an_ambiguous_name_gets_the_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_exports(tmp_path, {name: [Said("Ann", "hello")] for name in ("Games", "games2")})
    second = tmp_path / "games2.json"
    second.write_text(second.read_text().replace('"name": "games2"', '"name": "games"'))
    assert main(["segment", "--from-export", str(tmp_path), "--explain", "games", "--around", "5"]) == 2
    error = capsys.readouterr().err
    assert "Several channels are called #games. Give the id of one: " in error
    assert str(channel_id("Games")) in error and str(channel_id("games2")) in error


def test_an_unknown_message_gets_what_the_channel_holds(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = message_ids("general", server(SIZE, ["general", "games"])["general"])[3]
    for unknown in (5, elsewhere):
        command = ["segment", "--from-export", "exports", "--explain", "games", "--around", str(unknown)]
        assert main(command) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"tuner: #games holds no message {unknown}. It holds 150 messages, from ")
        assert str(games()[0]) in error and str(games()[-1]) in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["segment"], "the following arguments are required: --out FILE, or --explain CHANNEL --around"),
        (["segment", "--explain", "games"], "--explain needs --around MESSAGE_ID"),
        (["segment", "--explain", "games", "--around", "x"], "argument --around: 'x' is not a Discord id"),
        (["segment", "--explain", "games", "--around", "5", "--out", "x"], "goes with neither --out"),
        (["segment", "--explain", "games", "--around", "5", "--channel", "5"], "goes with neither --out"),
        (["segment", "--around", "5", "--out", "x"], "--around and --lines need --explain"),
        (
            ["segment", "--explain", "g", "--around", "5", "--lines", "0"],
            "argument --lines: '0' is not a number",
        ),
    ],
)
def test_wrong_usage_gets_one_line(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("tuner: ") and said in error
    assert error.count("\n") == 1 and "--help shows how it is written" in error


def test_without_an_archive_it_says_how_to_get_one(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", "--explain", "games", "--around", "5"]) == 2
    assert "There is no archive at data/tuner.db yet" in capsys.readouterr().err
    assert not (place / "data").exists()
