"""What the model of the tool trigger would be asked about excerpts, if it wanted every call: for an estimate.

The very code that a build runs asks a model that only counts. Nothing that it says is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tuner.asking.answers import Answer, Question
from tuner.asking.chat import Asker
from tuner.asking.decisions import Decisions
from tuner.asking.estimate import Estimate
from tuner.config.settings import RULES, Models
from tuner.models import Excerpt, Message
from tuner.progress import Tally
from tuner.stages.relabel import relabel
from tuner.stages.synthesize import LONGEST_QUERY, Archive, Synthesizer


class ToolQuestions:
    """Counts what the tool trigger would be asked, once it is known what samples come of a segment."""

    def __init__(self, models: Models, archive: Archive, decisions: Decisions, estimate: Estimate) -> None:
        self._asks = models.tool_trigger != RULES
        unlimited = models.model_copy(update={"max_calls": None, "max_cost": None})
        asker = Asker(_Counting(estimate), unlimited, Tally())
        self._synthesizer = Synthesizer(models, asker, archive, _Unkept(decisions), Tally())

    async def count(self, excerpts: Sequence[Excerpt], channel_names: Mapping[int, str]) -> None:
        for excerpt in excerpts if self._asks else ():
            dialogue = relabel(excerpt, channel_names)
            if not isinstance(dialogue, str):
                await self._synthesizer.synthesize(dialogue, channel_names)


class _Counting:
    """A model that wants a call for whatever was said last, and finds that every answer leans on what is found."""

    def __init__(self, estimate: Estimate) -> None:
        self._estimate = estimate

    async def ask(self, question: Question) -> Answer:
        self._estimate.ask_about_tool(question)
        if "leans" in question.schema["properties"]:
            return Answer(json.dumps({"leans": True}))
        said = question.user.rpartition("\n")[2].partition(": ")[2]
        return Answer(json.dumps({"call": True, "query": said[:LONGEST_QUERY]}))


class _Unkept:
    """Decisions that are read, and to which nothing is added."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions

    async def find(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        return await self._decisions.find(keys)

    async def keep(
        self, answers: Mapping[str, Mapping[str, Any]], *, quotes: bool, sources: Sequence[Message] = ()
    ) -> None:
        pass
