"""Models for the loopback server: they read what they are shown and approve, reject, or pick by content."""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.support.building import Workplace
from tests.support.loopback_gateway import PATIENCE
from tests.support.loopback_openai import ChatRequest, LoopbackOpenAI, Misbehave, Responder
from tuner.adapters.discord_export import ExportSource, find_exports
from tuner.adapters.openai_chat import OpenAIChat, openai_chat
from tuner.adapters.sqlite_store import open_store
from tuner.pipeline import RunStats, build_dataset
from tuner.progress import Tally

JsonObject = dict[str, Any]
MODEL = "gpt-6-luna"
SHOWN_LINE = re.compile(r"…|[A-Za-z](?: [+-]\d+[dhm])?: .*")
LINE = re.compile(r"(\d+) ([A-Za-z])(?:>(\d+))?(?: \+(\d+[dhm]))?: (.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """A message as a model sees it."""

    number: int
    speaker: str
    reply: int | None
    pause: str
    text: str


def shown(text: str) -> list[list[Line]]:
    """The segments in a question, read as strictly as a model could; ValueError where a line is none."""
    segments: list[list[Line]] = []
    for raw in text.split("\n"):
        if raw == f"segment {len(segments) + 1}":
            segments.append([])
        elif (match := LINE.fullmatch(raw)) and segments and int(match[1]) == len(segments[-1]) + 1:
            reply = int(match[3]) if match[3] else None
            segments[-1].append(Line(int(match[1]), match[2], reply, match[4] or "", match[5]))
        else:
            raise ValueError(f"not a line of a transcript: {raw!r}")
    return segments


def questions(request: ChatRequest) -> list[list[Line]]:
    """The segments that a request asks about."""
    return shown(request.messages[-1]["content"])


def asks_for_tool(request: ChatRequest) -> bool:
    """Whether it is the tool trigger that asks, not the refiner."""
    return request.schema is not None and "call" in request.schema["properties"]


def asks_about_leaning(request: ChatRequest) -> bool:
    """Whether the tool trigger asks if an answer leans on what was found."""
    return request.schema is not None and "leans" in request.schema["properties"]


def asks_about_links(request: ChatRequest) -> bool:
    """Whether it is the judge of doubtful links that asks."""
    return request.schema is not None and "cases" in request.schema["properties"]


@dataclass(frozen=True, slots=True)
class ShownCase:
    """A doubtful link as a model sees it: the last lines of each talk, and the message's and its speaker's next."""

    talks: tuple[tuple[str, ...], ...]
    message: tuple[str, ...]


def shown_cases(request: ChatRequest) -> list[ShownCase]:
    """The doubtful links that a request asks about, read strictly; ValueError where a line is none."""
    cases = []
    for number, block in enumerate(re.split(r"^case ", request.messages[-1]["content"], flags=re.M)[1:], 1):
        first, *lines = block.strip("\n").split("\n")
        groups: list[list[str]] = []
        for line in lines:
            if line in (f"talk {len(groups) + 1}", "message"):
                groups.append([])
            elif SHOWN_LINE.fullmatch(line) and groups:
                groups[-1].append(line)
            else:
                raise ValueError(f"not a line of a case: {line!r}")
        if first != str(number) or len(groups) < 2 or not all(groups):
            raise ValueError(f"not a case: {block!r}")
        cases.append(ShownCase(tuple(map(tuple, groups[:-1])), tuple(groups[-1])))
    return cases


def judge_by(choose: Callable[[ShownCase], int]) -> Responder:
    """Approves every segment, and of each doubtful link chooses a talk's number."""

    def respond(request: ChatRequest) -> JsonObject | str | Misbehave:
        if not asks_about_links(request):
            return approve_all(request)
        answers = [{"case": n, "talk": choose(case)} for n, case in enumerate(shown_cases(request), 1)]
        return {"cases": answers}

    return respond


def approval(number: int, lines: Sequence[Line]) -> JsonObject:
    """The verdict that keeps as much as can be kept; a rejection where nobody may be learned from."""
    for end in range(len(lines), 1, -1):
        persona = lines[end - 1].speaker
        if persona.isupper() and any(line.speaker != persona for line in lines[: end - 1]):
            kept = [line.number for line in lines[:end]]
            return {"segment": number, "keep": True, "persona": persona, "lines": kept, "reason": "good"}
    return rejection(number)


def rejection(number: int, reason: str = "trivial") -> JsonObject:
    return {"segment": number, "keep": False, "persona": "", "lines": [], "reason": reason}


def approve_if(wanted: Callable[[str], bool]) -> Responder:
    """Approves the segments whose text is wanted, rejects the others; wants every tool call asked about.

    Doubtful links lead into the talk that was heard last.
    """

    def respond(request: ChatRequest) -> JsonObject:
        if asks_about_links(request):
            cases = enumerate(shown_cases(request), 1)
            return {"cases": [{"case": n, "talk": len(case.talks)} for n, case in cases]}
        if asks_for_tool(request):
            return {"call": True, "query": request.text.splitlines()[-1][:120]}
        if asks_about_leaning(request):
            return {"leans": True}
        answers = []
        for number, lines in enumerate(questions(request), 1):
            keep = wanted("\n".join(line.text for line in lines))
            answers.append(approval(number, lines) if keep else rejection(number))
        return {"segments": answers}

    return respond


def reject_variously(request: ChatRequest) -> JsonObject:
    """Rejects everything, for one reason and another: as somebody does who has looked at each."""
    reasons = cycle(("trivial", "unanswered", "spam"))
    return {"segments": [rejection(n, next(reasons)) for n, _ in enumerate(questions(request), 1)]}


approve_all = approve_if(lambda text: True)
reject_all = approve_if(lambda text: False)


@asynccontextmanager
async def chat_with(server: LoopbackOpenAI, timeout_seconds: float = PATIENCE) -> AsyncIterator[OpenAIChat]:
    """The real client, pointed at the server."""
    async with openai_chat(server.key, server.url, timeout_seconds) as chat:
        yield chat


async def build_with_model(
    folder: Path,
    exports: Path,
    server: LoopbackOpenAI,
    changes: Mapping[str, Any] | None = None,
    tally: Tally | None = None,
) -> RunStats:
    """`build_dataset` from exports in `folder`, the server's model deciding about segments."""
    tally = tally or Tally()
    chosen = {
        "models.segment": MODEL,
        "models.backoff_seconds": 0,
        "dataset.raw_dump_dir": "",
        **(changes or {}),
    }
    workplace = Workplace(folder)
    settings = workplace.settings([], chosen)
    files = find_exports([str(exports)], tally)
    async with chat_with(server) as chat, open_store(workplace.archive) as store:
        return await build_dataset(
            settings,
            store,
            lambda audience, tally: ExportSource(files, audience, tally),
            chat,
            tally,
            "a test",
        )
