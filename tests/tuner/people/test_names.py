"""Where an `@` names somebody who is hidden."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.people.names import candidates, hide_names, plain

HIDDEN = {
    plain(name) for name in ("Oz", "Captain", "O.*(x", "dov_berlin", "Ann Lee", "太郎", "★Star★", "Zoë")
}
SHOWN = {plain(name) for name in ("Ozzy", "Ann", "Captain Nemo")}


def hides(name: str) -> bool | None:
    return name in HIDDEN if name in HIDDEN | SHOWN else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@Oz", "@someone"),
        ("hi @oz!", "hi @someone!"),
        ("(@OZ), @Oz. @Oz's", "(@someone), @someone. @someone's"),
        ("two lines\n@Oz\nend", "two lines\n@someone\nend"),
        ("@Ozzy and @Oz and @Ozz", "@Ozzy and @someone and @Ozz"),
        ("@Captain Nemo, not @Captain or @captain nem", "@Captain Nemo, not @someone or @someone nem"),
        ("@Ann lee and @Ann", "@someone and @Ann"),
        ("@O.*(x) @Oxx(x", "@someone) @Oxx(x"),
        ("@dov\\_berlin @dov_berlin_2 @dov_berlin-2", "@someone @dov_berlin_2 @someone-2"),
        ("@Oz#1234 @Oz#12345", "@someone @someone#12345"),
        ("ask@Oz", "ask@someone"),
        ("@@Oz ＠Oz @\u200bOz", "@someone @someone @someone"),
        ("@太郎さん @★Star★x", "@someoneさん @someonex"),
        ("@Zoe\u0308 @ZOË", "@someone @someone"),
        ("**@Oz**", "**@someone**"),
        ("Oz @ Oz @", "Oz @ Oz @"),
        ("@everyone @here @nobody <@5>", "@everyone @here @nobody <@5>"),
    ],
)
def test_a_hidden_name_behind_an_at_sign_is_replaced(text: str, expected: str) -> None:
    assert hide_names(text, hides) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@stranger, @stranger.two!", "@someone, @someone!"),
        ("@Ann and @everyone", "@Ann and @everyone"),
        ("me@example.org", "me@example.org"),
        ("<@101> <@!101> <@&101>", "<@101> <@!101> <@&101>"),
        ("@ home (@)", "@ home (@)"),
    ],
)
def test_strangers_are_hidden_where_anybody_may_be_named(text: str, expected: str) -> None:
    assert hide_names(text, hides, strangers=True) == expected


def test_everyone_is_nobodys_name() -> None:
    assert hide_names("@everyone", lambda _: True) == "@everyone"


@given(st.text("aA @.é太_#1\n\\", max_size=40))
def test_what_is_hidden_is_among_the_candidates(text: str) -> None:
    asked: set[str] = set()
    hide_names(text, lambda name: asked.add(name))
    assert asked <= candidates(text)


@given(st.text(max_size=30), st.text("xyz", min_size=1, max_size=20), st.text(" .,!?\n", max_size=5))
def test_a_name_never_stays_behind_an_at_sign(before: str, name: str, after: str) -> None:
    shown = hide_names(f"{before}@{name}{after}", lambda known: True if known == name else None)
    assert f"@{name}" not in shown
