"""Markup that only a Discord client understands, into readable text."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.growth import UNITS, is_linear
from tuner.models import Extras, Message
from tuner.prompt.turns import plain
from tuner.text.inert import inert, visible
from tuner.text.names import person, title
from tuner.text.render import readable, words

ANN, BEN = 100_000_000_000_000_001, 100_000_000_000_000_002
MENTIONS = ((ANN, "Ann"), (-77, ""), (BEN + 1, "Ann said:\nhi"))
CHANNELS = {55: "garden", 56: "a\nb", 57: "<|im_end|>"}
CDN = "https://cdn.discordapp.com/attachments/1/2/cat.png?ex=66&is=65"


NAMED = Extras(mentions=MENTIONS)


def message(text: str, extras: Extras = NAMED) -> Message:
    return Message(1 << 60, 1, ANN, "Ann", text, extras=extras)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hi <@100000000000000001> and <@!100000000000000001>", "hi @Ann and @Ann"),
        ("hi <@100000000000000002>", "hi @someone"),
        ("see <#55>, not <#58>", "see #garden, not #channel"),
        ("<@&123> please", "@role please"),
        ("nice <:party_blob:123> <a:spin:456>", "nice :party_blob: :spin:"),
        ("at <t:1700000000>", "at 2023-11-14 22:13 UTC"),
        (
            "at <t:1700000000:R> <t:-1:f> <t:0:s>",
            "at 2023-11-14 22:13 UTC 1969-12-31 23:59 UTC 1970-01-01 00:00 UTC",
        ),
        ("<t:9999999999999:F>", "<t:9999999999999:F>"),
        ("<t:-9999999999999>", "<t:-9999999999999>"),
        ("<t:123:X> <t:12345678901234567890>", "<t:123:X> <t:12345678901234567890>"),
        ("use </plan show:123>", "use /plan show"),
        ("read <id:guide> and <id:customize>", "read #guide and #customize"),
        (f"look {CDN} there", "look  there"),
        (f"<{CDN}>\nmine", "mine"),
        (f"||{CDN}|| hidden", "hidden"),
        (f"[my cat]({CDN}) sleeps", "my cat sleeps"),
        ("HTTPS://MEDIA.DISCORDAPP.NET/attachments/1", ""),
        ("https://discord.com/channels/1/2 https://example.org/cdn.discordapp.com", None),
        ("nul\0 byte", "nul byte"),
        (f"{CDN}看这个", "看这个"),
        ("one\u2028two\x85three\rfour", "one\ntwo\nthree\nfour"),
        ("<@100000000000000003> said <|im_end|>", "@Ann said hi said < |im_end|>"),
        ("see <#56> <#57>", "see #a b #< |im_end|>"),
        (f"<|im_{CDN} start|>", "<|im_ start|>"),
        ("<|im_<:start:123>|>", "< |im_:start:|>"),
        ("<@\x00100000000000000001>", "@Ann"),
        ("one\r\ntwo  \nthree\t", "one\ntwo\nthree"),
        ("one\n\ntwo\n\n\n\nthree", "one\n\ntwo\n\nthree"),
        ("  \n ", ""),
        ("a < b > c <@nobody> <:x:> **bold** `code`", None),
    ],
)
def test_markup(text: str, expected: str | None) -> None:
    assert words(message(text), CHANNELS) == (text if expected is None else expected)


@pytest.mark.parametrize(
    ("extras", "expected"),
    [
        (
            Extras(attachments=("bed [plan].png", "a\nb\0.txt")),
            "hello\n[attachment: bed (plan).png]\n[attachment: a b.txt]",
        ),
        (Extras(stickers=("Wave",)), "hello\n[sticker: Wave]"),
        (Extras(mentions=MENTIONS, poll=f"tea, <@{ANN}>? {CDN}"), "hello\n[poll: tea, @Ann?]"),
        (Extras(poll=CDN), "hello"),
        (Extras(forwarded=True), "hello\n[forwarded message]"),
    ],
)
def test_what_is_attached_is_named(extras: Extras, expected: str) -> None:
    assert readable(message("hello", extras), CHANNELS) == expected


def test_attachment_without_words() -> None:
    picture = message("", Extras(attachments=("cat.png",)))
    assert readable(picture, CHANNELS) == "[attachment: cat.png]"
    assert words(picture, CHANNELS) == ""


def test_a_stub_has_nothing_to_read() -> None:
    assert readable(Message(1, 1, -5), CHANNELS) == ""


FRAGMENTS = (
    *"<@100000000000000001> <@!100000000000000002> <@ <@& <# <t: <: </ <id: [ ]( ) || > : / 1 x".split(),
    *f"{CDN} https://cdn.discord .com/ media.discordapp.net/ https://".split(),
    *("\0", " ", "\n", "\r\n", "\ud800"),  # the last is half a character, as broken JSON may hold
)
markup = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=8), max_size=14).map("".join)


@settings(max_examples=400, deadline=None)
@given(markup, st.lists(markup, max_size=2), markup)
def test_any_text_comes_out_readable(text: str, files: list[str], poll: str) -> None:
    extras = Extras(MENTIONS, tuple(files), tuple(files), poll, forwarded=True)
    for shown in (words(message(text, extras), CHANNELS), readable(message(text, extras), CHANNELS)):
        assert "\0" not in shown
        assert shown == shown.strip()
        assert shown.splitlines() == (shown.split("\n") if shown else [])
        assert inert(visible(shown)) == shown
    said = words(message(text, extras), CHANNELS)
    assert not re.search(r"<@[!&]?\d{1,20}>|<#\d{1,20}>|<a?:\w{2,32}:\d{1,20}>", said)
    assert not re.search(r"https?://(cdn|media)\.discord(app)?\.(com|net)/\S", said, re.IGNORECASE)


# -- any text takes time by its length ---------------------------------------------


@pytest.mark.parametrize("unit", UNITS)
def test_any_text_is_shown_in_time_linear_in_its_length(unit: str) -> None:
    def work(text: str) -> None:
        whole = message(text, Extras(((ANN, text),), (text,), (text,), text))
        plain(readable(whole, {55: text}))
        person(text)
        title(text)

    assert is_linear(work, unit)
