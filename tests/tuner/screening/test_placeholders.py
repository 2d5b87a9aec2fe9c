"""What stands in the place of what was found."""

from tuner.screening.kinds import ALL
from tuner.screening.placeholders import Numbers, Placeholders, masked, without_details, without_secrets
from tuner.screening.scan import scan


def test_the_same_value_has_the_same_number_in_a_sample() -> None:
    placeholders, numbers = Placeholders(b"key"), Numbers()
    first = placeholders.marked("call +49 170 1234567 or jane@example.com")
    second = placeholders.marked("so not tom@example.com? and (+49) 170-1234567 or JANE@example.com, ok")
    assert numbers.numbered(first) == "call [phone 1] or [e-mail 1]"
    assert numbers.numbered(second).startswith("so not [e-mail 2]? and")
    assert "[e-mail 1], ok" in numbers.numbered(second)
    assert placeholders.counts["e-mail"] == 3


def test_marks_mean_nothing_under_another_key() -> None:
    text = "jane@example.com"
    assert Placeholders(b"one").marked(text) == Placeholders(b"one").marked(text)
    assert Placeholders(b"one").marked(text) != Placeholders(b"two").marked(text)


def test_a_secret_has_no_number() -> None:
    assert Placeholders(b"").marked("it is sk-abcd1234efgh5678ij ok") == "it is [secret] ok"
    assert without_secrets("sk-abcd1234efgh5678ij of jane@example.com") == "[secret] of jane@example.com"


def test_a_title_is_numbered_by_nobody() -> None:
    assert without_details("ask jane@example.com", ALL) == "ask [e-mail]"


def test_names_of_files_are_numbered_too() -> None:
    """Brackets in a file's name are rendered as parentheses."""
    marked = Placeholders(b"").marked("jane@example.com.pdf is at jane@example.com")
    numbers = Numbers()
    assert "1" in numbers.numbered(marked.replace("[", "(").replace("]", ")"))


def test_a_mask_shows_little() -> None:
    text = "jane.doe@example.com"
    assert masked(scan(text)[0], text) == "ja••••••••••••om"
