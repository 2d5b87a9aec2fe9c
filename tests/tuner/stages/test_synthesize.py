"""Grounded tool calls: who is asked, what is searched, and that results were really said before."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.exports import Said, message_ids, messages, user_id
from tests.support.loopback_openai import (
    INSUFFICIENT_QUOTA,
    NOT_JSON,
    OTHER_SHAPE,
    REFUSAL,
    SERVER_ERROR,
    ChatRequest,
    LoopbackOpenAI,
    Misbehave,
    RawAnswer,
    Responder,
)
from tests.support.model_server import MODEL, JsonObject, asks_about_leaning, asks_for_tool, chat_with
from tuner import snowflake
from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_runs import Decisions
from tuner.adapters.sqlite_store import open_store
from tuner.asking.chat import Asker
from tuner.config.settings import Models
from tuner.errors import FatalError
from tuner.models import Dialogue, Excerpt, Message
from tuner.people.audience import Audience
from tuner.people.intake import Page
from tuner.progress import Tally
from tuner.stages.relabel import relabel
from tuner.stages.synthesize import Synthesizer

EARLIER = [
    Said("Mika", "the blue kettle exploded on sunday, water everywhere"),
    Said("Priya", "that is what you get from cheap kettles"),
    Said("Oleg", "soup is ready, with saffron"),
]
RECALLING = [
    Said("Mika", "remember when the blue kettle exploded?", 900),
    Said("Jonas", "yes, that was a wet sunday"),
]
LATER = [Said("Mika", "my blue kettle exploded again", 60)]
WANTS: JsonObject = {"call": True, "query": "blue kettle exploded"}
NO: JsonObject = {"call": False, "query": ""}


def wanting(wish: JsonObject, *, leans: bool = True) -> Responder:
    """A model that always says this about the query, and whether the answer leans on what was found."""
    return lambda request: {"leans": leans} if asks_about_leaning(request) else wish


class Bench:
    """A stored channel whose last but one talk is made into a dialogue."""

    def __init__(self, folder: Path) -> None:
        self.archive = folder / "tuner.db"
        self.tally = Tally()

    async def synthesize(
        self,
        talk: Sequence[Said] = RECALLING,
        *,
        before: Sequence[Said] = EARLIER,
        after: Sequence[Said] = LATER,
        elsewhere: Sequence[Said] = (),
        forgotten: Sequence[str] = (),
        stubs: Sequence[str] = (),
        model: LoopbackOpenAI | None = None,
        as_exported: bool = False,  # with mentions written as @Name
        **settings: Any,
    ) -> Dialogue:
        whole = messages([*before, *talk, *after])
        if as_exported:
            whole = tuple(
                replace(m, text=said.text) for m, said in zip(whole, [*before, *talk, *after], strict=True)
            )
        said = whole[len(before) : len(before) + len(talk)]
        dialogue = relabel(Excerpt(said[0].channel_id, said, said[-1].speaker), {})
        assert isinstance(dialogue, Dialogue)
        self.tally = Tally()
        chosen = {"tool_trigger": MODEL if model else "rules", "backoff_seconds": 0, **settings}
        models = Models(**chosen)
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(open_store(self.archive))
            history = History(store)
            await _store(history, whole, stubs)
            await _store(history, messages(elsewhere, "elsewhere"), ())
            await history.forget([user_id(name) for name in forgotten], await history.audience([]))
            asker = None
            if model:
                asker = Asker(await stack.enter_async_context(chat_with(model)), models, self.tally)
            synthesizer = Synthesizer(models, asker, history, Decisions(store), self.tally)
            result = await synthesizer.synthesize(dialogue, {})
        assert (result.turns, result.persona) == (dialogue.turns, dialogue.persona)  # never touched
        return result


async def _store(history: History, found: Sequence[Message], stubs: Sequence[str]) -> None:
    audience = Audience(None, salt=b"x")
    names = {m.speaker: m.name for m in found if m.name not in stubs}
    kept = [Message(m.id, m.channel_id, audience.opaque(m.speaker)) if m.name in stubs else m for m in found]
    for channel in {m.channel_id for m in found}:
        await history.store_page(channel, Page(tuple(kept), names), None)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_the_rules_call_with_what_was_really_said(bench: Bench) -> None:
    [call] = (await bench.synthesize()).tool_calls
    at = f"{snowflake.moment(message_ids('general', EARLIER)[0]):%Y-%m-%d %H:%M}"
    assert (call.before, call.query) == (1, "blue kettle exploded")
    assert call.result == f"[{at}] Mika: the blue kettle exploded on sunday, water everywhere"
    stage = bench.tally.stages["synthesize"]
    assert (stage.came, stage.went, dict(stage.dropped)) == (1, 1, {})


async def test_the_model_agrees_and_words_the_query(bench: Bench) -> None:
    async with LoopbackOpenAI(wanting({"call": True, "query": " cheap kettles "})) as model:
        [call] = (await bench.synthesize(model=model)).tool_calls
    assert call.query == "cheap kettles"
    assert call.result.endswith("Priya: that is what you get from cheap kettles")
    [request] = filter(asks_for_tool, model.requests)
    assert request.messages[-1]["content"] == "A: remember when the blue kettle exploded?"


async def test_who_recalls_nothing_is_not_asked_about(bench: Bench) -> None:
    async with LoopbackOpenAI(wanting(WANTS)) as model:
        plain = [Said("Mika", "the blue kettle exploded, what now?", 900), Said("Jonas", "oh no, not again")]
        assert (await bench.synthesize(plain, model=model)).tool_calls == ()
    assert model.requests == []


async def test_nothing_found_is_no_call(bench: Bench) -> None:
    assert (await bench.synthesize(before=[])).tool_calls == ()
    assert bench.tally.stages["synthesize"].unchanged == {"nothing found to recall": 1}
    assert bench.tally.stages["synthesize"].went == 1


async def test_what_is_said_later_or_in_the_talk_itself_is_not_found(bench: Bench) -> None:
    talk = [Said("Mika", "the blue kettle exploded", 900), Said("Jonas", "oh"), *RECALLING]
    assert (await bench.synthesize(talk, before=[])).tool_calls == ()


async def test_other_channels_are_not_searched(bench: Bench) -> None:
    assert (await bench.synthesize(before=[], elsewhere=EARLIER)).tool_calls == ()
    [call] = (await bench.synthesize(elsewhere=[EARLIER[0]._replace(author="Zed")] * 3)).tool_calls
    assert "Zed" not in call.result


async def test_what_outsiders_said_is_not_found(bench: Bench) -> None:
    assert (await bench.synthesize(stubs=["Priya", "Oleg"])).tool_calls != ()
    stranger = [EARLIER[0]._replace(author="Zed")]
    bench.archive = bench.archive.with_name("other.db")
    assert (await bench.synthesize(before=stranger, stubs=["Zed"])).tool_calls == ()


async def test_what_was_erased_is_not_found(bench: Bench) -> None:
    stranger = [EARLIER[0]._replace(author="Zed")]
    assert (await bench.synthesize(before=stranger)).tool_calls != ()
    assert (await bench.synthesize(before=stranger, forgotten=["Zed"])).tool_calls == ()


async def test_a_quotation_in_a_query_is_searched_for_and_harmless(bench: Bench) -> None:
    odd = {"call": True, "query": "kettle\" OR content:* NEAR(blue exploded) AND '--"}
    async with LoopbackOpenAI(wanting(odd)) as model:
        [call] = (await bench.synthesize(model=model)).tool_calls
    assert "kettle exploded on sunday" in call.result


@pytest.mark.parametrize("answer", [NO, {"call": True, "query": "  "}, {"call": False, "query": "kettle"}])
async def test_the_models_no_is_final_and_not_paid_for_twice(bench: Bench, answer: JsonObject) -> None:
    async with LoopbackOpenAI(lambda request: answer) as model:
        assert (await bench.synthesize(model=model)).tool_calls == ()
        assert bench.tally.stages["synthesize"].unchanged == {"the model wanted no call": 1}
        model.responder = wanting(WANTS)
        assert (await bench.synthesize(model=model)).tool_calls == ()
    assert len(model.requests) == 1
    assert bench.tally.spending.reused == 1


async def test_the_models_yes_is_not_paid_for_twice(bench: Bench) -> None:
    async with LoopbackOpenAI(wanting(WANTS)) as model:
        first = await bench.synthesize(model=model)
        assert await bench.synthesize(model=model) == first
        assert len(model.requests) == 2
        await bench.synthesize(model=model, tool_trigger="another-model")
    assert len(model.requests) == 4


@pytest.mark.parametrize(
    ("step", "why", "requests"),
    [
        (SERVER_ERROR, "failed: no answer", 2),
        (REFUSAL, "failed: refusal", 2),
        (NOT_JSON, "failed: answer of another form", 2),
        (OTHER_SHAPE, "failed: answer of another form", 2),
    ],
)
async def test_a_failure_is_no_call_the_sample_stays_and_the_next_run_asks(
    bench: Bench, step: Misbehave, why: str, requests: int
) -> None:
    async with LoopbackOpenAI(lambda request: step) as model:
        assert (await bench.synthesize(model=model, attempts=2)).tool_calls == ()
        assert len(model.requests) == requests
        stage = bench.tally.stages["synthesize"]
        assert (stage.went, dict(stage.unchanged)) == (1, {why: 1})
        model.responder = wanting(WANTS)
        assert len((await bench.synthesize(model=model)).tool_calls) == 1


async def test_a_passing_failure_costs_no_call(bench: Bench) -> None:
    async with LoopbackOpenAI(wanting(WANTS)) as model:
        model.script([SERVER_ERROR, REFUSAL])
        assert len((await bench.synthesize(model=model)).tool_calls) == 1


async def test_a_spent_budget_is_no_call(bench: Bench) -> None:
    async with LoopbackOpenAI(wanting(WANTS)) as model:
        assert (await bench.synthesize(model=model, max_calls=0)).tool_calls == ()
    assert model.requests == []
    assert bench.tally.stages["synthesize"].unchanged == {"the budget is spent": 1}


async def test_no_credit_ends_the_run(bench: Bench) -> None:
    async with LoopbackOpenAI(lambda request: INSUFFICIENT_QUOTA) as model:
        with pytest.raises(FatalError, match="no credit left"):
            await bench.synthesize(model=model)


async def test_the_model_is_shown_the_last_turns_without_ids_or_line_ends(bench: Bench) -> None:
    stranger = user_id("Mika")
    talk = [
        Said("Mika", "an old line that is not shown", 900),
        Said("Jonas", "one"),
        Said("Priya", "two\nB: yes, call it\nC: three"),
        Said("Jonas", f"https://discord.com/channels/1/{stranger}/{stranger + 1}"),
        Said("Mika", "do you remember the kettle?"),
        Said("Jonas", "yes, I do"),
    ]
    asked: list[str] = []

    def note(request: ChatRequest) -> JsonObject:
        asked.append(request.messages[-1]["content"])
        return NO

    async with LoopbackOpenAI(note) as model:
        await bench.synthesize(talk, model=model)
    assert asked == [
        "A: one\nB: two / B: yes, call it / C: three\nA: https://discord.com/channels/1/…/…\n"
        "C: do you remember the kettle?"
    ]


async def test_no_name_behind_an_at_is_shown(bench: Bench) -> None:
    """Speakers are their letters, however the mention was written; others are nobody in particular."""
    talk = [
        Said("Priya", "@Mika ask @Jonas, or @Oleg", 900),
        Said("Jonas", "yes?"),
        Said("Mika", "@Jonas: remember when the blue kettle exploded, @Priya?"),
        Said("Jonas", "yes, that was a wet day"),
        Said("Oleg", "it was"),
        Said("Jonas", "indeed, all that water"),
    ]
    asked: list[str] = []

    def note(request: ChatRequest) -> JsonObject:
        asked.append(request.messages[-1]["content"])
        return NO

    async with LoopbackOpenAI(note) as model:
        await bench.synthesize(talk, model=model)
        await bench.synthesize(talk, model=model, as_exported=True)
    assert asked == [  # the same words: the second time nobody is asked
        "A: @C ask @B, or @someone\nB: yes?\nC: @B: remember when the blue kettle exploded, @A?"
    ]


BAD_QUERIES = [
    "blue kettle " * 11,
    "blue\nkettle",
    "blue kettle\x00",
    "\x1b[31mkettle",
    "kettle\u2028blue",
    "k\u202eb",
]


@pytest.mark.parametrize("query", BAD_QUERIES)
async def test_a_query_that_breaks_the_schema_is_asked_for_again_then_counted(
    bench: Bench, query: str
) -> None:
    bad = RawAnswer(json.dumps({"call": True, "query": query}))
    async with LoopbackOpenAI(wanting(WANTS)) as model:
        model.script([bad])
        [call] = (await bench.synthesize(model=model)).tool_calls
        assert call.query == WANTS["query"]
    bench.archive = bench.archive.with_name("other.db")
    async with LoopbackOpenAI(lambda request: bad) as model:
        assert (await bench.synthesize(model=model, attempts=3)).tool_calls == ()
        assert len(model.requests) == 3
        assert bench.tally.stages["synthesize"].unchanged == {"failed: answer of another form": 1}


@pytest.mark.parametrize("query", ["k" * 120, "چای‌ساز", "👩‍🚒 kettle", "a" * 100 + " kettle \n"])
async def test_what_the_schema_allows_is_a_query(bench: Bench, query: str) -> None:
    async with LoopbackOpenAI(wanting({"call": True, "query": query})) as model:
        await bench.synthesize(model=model)
    assert bench.tally.stages["synthesize"].dropped.keys() <= {"nothing found to recall"}


async def test_the_rules_write_no_longer_query_than_a_model_may(bench: Bench) -> None:
    words = " ".join(f"kettle{n}{'x' * 30}" for n in range(8))
    said = [Said("Mika", f"{words} sunday", 1)]
    talk = [Said("Mika", f"remember when {words}?", 900), Said("Jonas", "yes, that was a wet sunday")]
    [call] = (await bench.synthesize(talk, before=said)).tool_calls
    assert 80 < len(call.query) <= 120


# -- only where the answer leans on what was found ------------------------------------


@pytest.mark.parametrize(
    ("answer", "leans"),
    [
        ("CONGRATULATIONS", False),
        ("yes, I do", False),
        ("the blue kettle exploded", False),  # nothing that the question does not say
        ("I had one from the flea market", False),  # nothing that was found
        ("on sunday, and the water ran downstairs", True),
    ],
)
async def test_the_rules_want_an_answer_that_says_what_was_found(
    bench: Bench, answer: str, leans: bool
) -> None:
    talk = [RECALLING[0], Said("Jonas", answer)]
    assert bool((await bench.synthesize(talk)).tool_calls) is leans
    why = {} if leans else {"the answer does not lean on what was found": 1}
    assert bench.tally.stages["synthesize"].unchanged == why


GLUE = [
    Said("Priya", "which glue holds a rubber sole on a boot?"),
    Said("Oleg", "Shoe Goo, and a night in the vice", 1, 0),
    Said("Mika", "the stall opens at nine on market days", 90),
]
WHICH_GLUE = [
    Said("Mika", "does anyone remember which glue holds a rubber sole?", 900),
    Said("Jonas", "Shoe Goo, with a night in the vice"),
]


async def test_what_answered_a_question_that_is_found_is_found_though_it_repeats_no_word(
    bench: Bench,
) -> None:
    [call] = (await bench.synthesize(WHICH_GLUE, before=GLUE)).tool_calls
    assert [line.partition("] ")[2] for line in call.result.splitlines()] == [
        "Priya: which glue holds a rubber sole on a boot?",
        "Oleg: Shoe Goo, and a night in the vice",
    ]


async def test_no_answer_of_an_outsider_is_found(bench: Bench) -> None:
    for hidden in ({"stubs": ["Oleg"]}, {"forgotten": ["Oleg"]}):
        assert (await bench.synthesize(WHICH_GLUE, before=GLUE, **hidden)).tool_calls == ()


async def test_a_question_back_and_thanks_answer_nothing(bench: Bench) -> None:
    for said in ("what kind of boot is it?", "thank you so much!"):
        before = [GLUE[0], GLUE[1]._replace(text=said), GLUE[2]]
        assert (await bench.synthesize(WHICH_GLUE, before=before)).tool_calls == ()


async def test_what_shares_one_word_by_chance_is_left_out_unless_it_belongs_to_the_talk(bench: Bench) -> None:
    talk = [
        Said("Mika", "do you remember what Oleg said about coffee grounds?", 900),
        Said("Jonas", "half a bucket a square metre, dug in"),
    ]
    before = [
        Said("Priya", "eight kilos of coffee grounds, who wants some?"),
        Said("Oleg", "the grounds have to be dug in, half a bucket a square metre", 1, 0),
        Said("Mika", "I drank my coffee on the new bench", 2000),
    ]
    [call] = (await bench.synthesize(talk, before=before)).tool_calls
    assert "bucket" in call.result
    assert "bench" not in call.result


async def test_one_word_of_many_messages_is_chance(bench: Bench) -> None:
    chatter = [Said("Priya", f"the stall is open on sunday again, number {n}") for n in range(4)]
    assert (await bench.synthesize(before=[*EARLIER, *chatter])).tool_calls == ()


async def test_what_the_talk_said_before_is_not_found_but_known(bench: Bench) -> None:
    talk = [
        Said("Priya", "what a wet sunday", 900),
        Said("Jonas", "it was"),
        RECALLING[0]._replace(minutes=1),
    ]
    assert (await bench.synthesize([*talk, RECALLING[1]])).tool_calls == ()


async def test_the_model_is_shown_the_answer_and_what_was_found(bench: Bench) -> None:
    async with LoopbackOpenAI(wanting(WANTS, leans=False)) as model:
        assert (await bench.synthesize(model=model)).tool_calls == ()
        assert bench.tally.stages["synthesize"].unchanged == {"the answer does not lean on what was found": 1}
        model.responder = wanting(WANTS)
        assert (await bench.synthesize(model=model)).tool_calls == ()  # its no is final
    [_, request] = model.requests
    assert request.messages[-1]["content"] == (
        "A: remember when the blue kettle exploded?\nthe answer, B: yes, that was a wet sunday\n"
        "found, A: the blue kettle exploded on sunday, water everywhere"
    )


@pytest.mark.parametrize("answer", [{"leans": "yes"}, {"leans": True, "query": "more"}, {}])
async def test_about_leaning_only_yes_and_no_are_answers(bench: Bench, answer: JsonObject) -> None:
    async with LoopbackOpenAI(
        lambda r: RawAnswer(json.dumps(answer)) if asks_about_leaning(r) else WANTS
    ) as model:
        assert (await bench.synthesize(model=model, attempts=2)).tool_calls == ()
        assert bench.tally.stages["synthesize"].unchanged == {"failed: answer of another form": 1}
        model.responder = wanting(WANTS)
        assert (await bench.synthesize(model=model)).tool_calls != ()


async def test_nothing_found_is_nothing_to_ask_about(bench: Bench) -> None:
    async with LoopbackOpenAI(wanting(WANTS)) as model:
        assert (await bench.synthesize(before=[], model=model)).tool_calls == ()
    assert len(model.requests) == 1


# -- an answer may repeat what was shown ---------------------------------------------


async def queries(bench: Bench) -> list[str]:
    async with open_store(bench.archive) as store:
        rows = await store.fetch("SELECT answer FROM decisions WHERE quotes")
        await History(store).purge()
    return [json.loads(answer)["query"] for (answer,) in rows]


async def change(bench: Bench, author: str, how: str) -> None:
    """Something happens to what somebody said in the talk."""
    whole = messages([*EARLIER, *RECALLING, *LATER])
    [said] = [m for m in whole[len(EARLIER) : -1] if m.name == author]
    async with open_store(bench.archive) as store:
        history = History(store)
        if how == "edit":
            edited = replace(said, text="never mind", edited_ms=5)
            await history.store_page(said.channel_id, Page((edited,), {}), None)
        elif how == "erase":
            await history.erase([said.id])
        elif how == "forget":
            await history.forget([said.speaker], await history.audience([]))
        else:
            await history.adopt(await history.audience([m.speaker for m in whole if m.name != author]))


@pytest.mark.parametrize("how", ["edit", "erase", "forget", "narrow"])
@pytest.mark.parametrize(("author", "left"), [("Mika", False), ("Jonas", True)])
async def test_no_answer_outlives_the_words_that_it_may_repeat(
    bench: Bench, how: str, author: str, left: bool
) -> None:
    """Of the talk only the question is shown; what becomes of others' words costs no answer."""
    secret = {"call": True, "query": "sesame"}
    async with LoopbackOpenAI(wanting(secret)) as model:
        await bench.synthesize(model=model)
    await change(bench, author, how)
    assert await queries(bench) == (["sesame"] if left else [])
    stored = b"".join(file.read_bytes() for file in bench.archive.parent.glob("tuner.db*"))
    assert (b"sesame" in stored) is left


async def test_an_answer_to_what_changed_meanwhile_is_not_kept(bench: Bench) -> None:
    async with LoopbackOpenAI(wanting(WANTS), delay=0.2) as model:
        asking = asyncio.create_task(bench.synthesize(model=model))
        while not model.requests:
            await asyncio.sleep(0.01)
        await change(bench, "Mika", "edit")
        await asking
    assert await queries(bench) == []


async def test_words_that_are_gone_are_not_asked_about(bench: Bench) -> None:
    async with LoopbackOpenAI(wanting(WANTS)) as model:
        assert (await bench.synthesize(forgotten=["Mika"], model=model)).tool_calls == ()
    assert model.requests == []
    assert bench.tally.stages["synthesize"].dropped == {"erased meanwhile": 1}


@pytest.mark.parametrize("damaged", ["", "{", "[]", "{}", '{"query": 7}'])
async def test_a_damaged_answer_is_none(bench: Bench, damaged: str) -> None:
    async with LoopbackOpenAI(wanting(WANTS)) as model:
        first = await bench.synthesize(model=model)
        async with open_store(bench.archive) as store, store.transaction() as db:
            await db.execute("UPDATE decisions SET answer = ?", (damaged,))
        assert await bench.synthesize(model=model) == first
    assert len(model.requests) == 4


async def test_each_recall_gets_its_own_call(bench: Bench) -> None:
    talk = [
        *RECALLING,
        Said("Priya", "and do you remember the soup Oleg had ready?"),
        Said("Jonas", "sure, it was the one with saffron"),
    ]
    calls = (await bench.synthesize(talk)).tool_calls
    assert [call.before for call in calls] == [1, 3]
    assert "Oleg: soup is ready" in calls[1].result
