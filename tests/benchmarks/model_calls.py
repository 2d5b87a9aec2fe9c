"""How many requests a build makes when the model approves less than everything.

    python -m tests.benchmarks.model_calls

10,000 messages in four channels are built with models on the loopback server that approve a share of the segments,
and reject the others for reasons of all kinds or for one only: once until there are 25 samples, once all there are.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path

from tests.support.exports import server, write_exports
from tests.support.loopback_openai import ChatRequest, LoopbackOpenAI, Responder
from tests.support.model_server import JsonObject, approval, build_with_model, questions, rejection

VARIOUS, ONE = ("trivial", "unanswered", "spam", "incoherent"), ("trivial",)
MODELS = ((100, VARIOUS), (50, VARIOUS), (50, ONE), (15, VARIOUS), (15, ONE))  # per cent approved, reasons


def approving(percent: int, reasons: tuple[str, ...]) -> Responder:
    """Approves this share of all segments, whichever they are; the same ones each time."""

    def respond(request: ChatRequest) -> JsonObject:
        answers = []
        for number, lines in enumerate(questions(request), 1):
            drawn = random.Random("\n".join(line.text for line in lines))
            keep, reason = drawn.random() * 100 < percent, drawn.choice(reasons)
            answers.append(approval(number, lines) if keep else rejection(number, reason))
        return {"segments": answers}

    return respond


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        exports = write_exports(Path(folder) / "exports", server(10_000))
        print("approved  reasons  requests for 25 samples  for all")
        for percent, reasons in MODELS:
            counts = []
            for samples in (25, 10_000):
                async with LoopbackOpenAI(approving(percent, reasons)) as model:
                    place = Path(folder) / f"{percent}-{len(reasons)}-{samples}"
                    await build_with_model(place, exports, model, {"dataset.max_samples": samples})
                    counts.append(len(model.requests))
            print(f"{percent:>7}%  {len(reasons):>7}  {counts[0]:>23}  {counts[1]:>7}")


if __name__ == "__main__":
    asyncio.run(main())
