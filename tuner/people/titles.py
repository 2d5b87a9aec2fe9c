"""Titles are words: a thread's belongs to whoever gave it, a direct message's consists of people's names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from tuner.models import Channel
from tuner.people.audience import Audience
from tuner.people.names import hide_names
from tuner.screening.placeholders import without_details
from tuner.text.render import SOMEONE, USER_MENTION

THREAD = "thread"
DIRECT = "direct-message"


def titled(channel: Channel, audience: Audience, writers: Collection[int] = ()) -> Channel:
    """The channel under a name that may be kept. `author` comes in as a user id, and leaves as a speaker.

    Where a thread's author is not known, its title is kept only if everyone may be used, and none of the
    `writers` in it opted out. Nor is a name kept in a title or a topic unless everyone may be used: whose it is may
    turn out after samples were made under it. Titles are shown in many places: none holds a secret or a detail.
    """
    if channel.is_direct:
        return replace(channel, name=DIRECT, topic="", author=None)
    channel = replace(
        channel,
        name=without_details(channel.name, audience.screened),
        topic=without_details(channel.topic, audience.screened),
    )
    if audience.allowed is not None:
        channel = replace(channel, topic=_without_names(channel.topic))
    if channel.parent_id is None:
        return replace(channel, author=None)
    if audience.allowed is not None:
        channel = replace(channel, name=_without_names(channel.name))
    if channel.author is None:
        kept = audience.allowed is None and audience.opted_out.isdisjoint(writers)
        return channel if kept else replace(channel, name=THREAD)
    speaker = audience.speaker(channel.author)
    return replace(channel, author=speaker, name=channel.name if speaker > 0 else THREAD)


def _without_names(text: str) -> str:
    return hide_names(USER_MENTION.sub(SOMEONE, text), lambda _: None, strangers=True)


def title_of(raw: Mapping[str, Any], audience: Audience) -> str:
    """What to call a thread of Discord's that is not read."""
    author = thread_author(raw)
    known = author and audience.admits(author)
    return without_details(str(raw.get("name")), audience.screened) if known else THREAD


def thread_author(raw: Mapping[str, Any]) -> int | None:
    """Whoever began a thread, as Discord describes it."""
    owner = str(raw.get("owner_id") or "")
    return int(owner) if owner.isdecimal() and len(owner) < 20 else None
