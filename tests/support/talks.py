"""Talks in a loopback server's channel, each a sample by the rules."""

from tests.support.discord_world import World

PAIRS = 10  # who ask and help in turn
DAY_MS = 86_400_000


def talk(world: World, name: str, talks: int = 30) -> int:
    """A channel of short, separate question-and-answer talks, a day apart and each between others than the last."""
    channel = world.add_channel(name)
    pairs = [
        (world.add_user(f"{name} asker{number or ''}"), world.add_user(f"{name} helper{number or ''}"))
        for number in range(min(PAIRS, talks))
    ]
    at = 1_704_067_200_000 + channel % 1000
    for number in range(talks):
        asker, helper = pairs[number % PAIRS]
        question = world.add_message(channel, asker, f"{name}: how do I mend lamp {number}?", at=at)
        world.add_message(
            channel, helper, f"{name}: open it and look at wire {number}.", at=at + 30_000, reply_to=question
        )
        at += DAY_MS
    return channel
