"""What a build would ask and cost, without asking: history is read and cut, calls and tokens are counted."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from tuner.adapters.sqlite_history import History
from tuner.adapters.sqlite_runs import Decisions
from tuner.adapters.sqlite_store import Store
from tuner.config.settings import RULES, Settings
from tuner.dataset.tokens import token_counter
from tuner.pipeline import OpenSource, RunStats, adopt_audience, read_segments
from tuner.progress import Tally
from tuner.recording import recorded
from tuner.stages.collect import collecting
from tuner.stages.refine import Refiner

ANSWER_TOKENS = 30  # of one segment's verdict, besides its line numbers
LINE_TOKENS = 2  # of one line number


async def estimate_dataset(
    settings: Settings, store: Store, open_source: OpenSource, tally: Tally, owner: str
) -> RunStats:
    """Collect what is new and count what a build would ask about it, were everything approved.

    `counts["estimate"]` holds segments, calls, prompt_tokens, completion_tokens and cost (US dollars, None
    when the price is not known, 0 with the rules). Decisions that are stored cost nothing and are left out.
    Calls for tool triggers, which few samples need, are not counted.
    """
    history, counter = History(store), await asyncio.to_thread(token_counter)
    tally.max_samples = settings.dataset.max_samples
    models, dataset = settings.models, settings.dataset
    refiner = Refiner(models, None, Decisions(store), tally, dataset.personas, dataset.segment_concurrency)
    segments = calls = prompt = completion = 0
    async with recorded(store, settings, tally, owner) as run_id:
        source = open_source(await adopt_audience(history, settings, tally), tally)
        async with collecting(source, history, settings, tally) as collection:
            names = {
                channel.id: channel.name for channel in (*await history.channels(), *collection.channels)
            }
            found = read_segments(collection, history, settings, tally)
            async with aclosing(refiner.plan(found, names, dataset.max_samples)) as plan:
                async for planned in plan:
                    segments += planned.hopeful
                    if planned.question and models.segment != RULES:
                        calls += 1
                        prompt += counter.length(planned.question.system) + counter.length(
                            planned.question.user
                        )
                        completion += ANSWER_TOKENS * planned.undecided + LINE_TOKENS * planned.lines
                    if dataset.max_samples is not None and segments >= dataset.max_samples:
                        collection.enough()
                        break
        price = models.price(models.segment)
        known = 0.0 if models.segment == RULES else None
        cost = (prompt * price.input + completion * price.output) / 1e6 if price else known
        estimate = {
            "segments": segments,
            "calls": calls,
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "tokens_exact": counter.exact,
            "cost": cost,
        }
        counts = {"run": run_id, "dry_run": True, **tally.snapshot(), "files": [], "estimate": estimate}
        return RunStats(run_id, (), counts)
