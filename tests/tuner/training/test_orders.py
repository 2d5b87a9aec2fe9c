"""What makes two orders the same, and what is said of an order's price."""

from dataclasses import replace
from datetime import date

import pytest

from tuner import config
from tuner.config.settings import Settings, TrainingPrice
from tuner.errors import UsageError
from tuner.training.forecast import forecast
from tuner.training.orders import DataFile, Learning, Order, order_of
from tuner.training.providers import PROVIDERS, Place, place_of
from tuner.training.readiness import missing_for_training
from tuner.training.wording import dollars, hosting_words, plan_lines, price_words

TRAIN = DataFile("a.jsonl", "ab" * 32, 100, 12, 1_000_000)
VALID = DataFile("b.jsonl", "cd" * 32, 10, 2, 100_000)
ORDER = Order(Place("azure", "https://x/v1/"), "m", TRAIN, VALID, "tuner", Learning(3))
PRICE = TrainingPrice(tokens=2.0, hosting=1.7, read=date(2026, 11, 24))


def load(**training: object) -> Settings:
    return config.load({"training": training}, (), "The test")


def test_a_path_makes_no_difference() -> None:
    assert replace(ORDER, train=replace(TRAIN, path="elsewhere.jsonl")).identity == ORDER.identity


@pytest.mark.parametrize(
    "change",
    [
        {"model": "n"},
        {"valid": None},
        {"train": VALID},
        {"suffix": "other"},
        {"learning": Learning(2)},
        {"learning": Learning(3, 0.5)},
        {"learning": Learning(3, rate=0.5)},
        {"place": Place("azure", "https://y/v1/")},
        {"place": Place("azure", "https://x/v1/", "acme")},
        {"azure_training_type": "Standard"},
    ],
)
def test_everything_else_does(change: dict[str, object]) -> None:
    assert replace(ORDER, **change).identity != ORDER.identity  # type: ignore[arg-type]


def test_the_same_content_has_the_same_name() -> None:
    assert TRAIN.name == replace(TRAIN, path="elsewhere.jsonl").name
    assert TRAIN.name != VALID.name


def test_a_price_counts_every_epoch() -> None:
    told = forecast(ORDER, PRICE)
    assert (told.total, told.hosting) == (6.0, 1.7)
    assert price_words(told) == "$6.00 ($2.00 per million trained tokens, read 2026-11-24)"
    assert hosting_words(ORDER, told).startswith("$1.70 an hour, $1,224.00 in 30 days; a deployment")


def test_together_bills_the_validation_file() -> None:
    order = replace(ORDER, place=Place("together", "https://x/v1/"))
    assert forecast(order, PRICE).total == pytest.approx(6.6)
    assert "tests on the validation file included" in price_words(forecast(order, PRICE))


def test_what_is_not_known_is_said() -> None:
    assert price_words(forecast(ORDER, None)).startswith("not known")
    assert hosting_words(ORDER, forecast(ORDER, None)).startswith("its price is not configured")
    open_ended = forecast(replace(ORDER, learning=Learning()), PRICE)
    assert open_ended.total is None
    assert price_words(open_ended).startswith("$2.00 each time that the dataset is gone through")
    assert price_words(open_ended).endswith("3 times, as is usual, are $6.00")
    estimated = forecast(replace(ORDER, train=replace(TRAIN, exact=False)), PRICE)
    assert price_words(estimated).startswith("about $6.00")


def test_hosting_by_the_token_costs_nothing_by_the_hour() -> None:
    free = forecast(ORDER, PRICE.model_copy(update={"hosting": 0.0}))
    assert hosting_words(ORDER, free) == "nothing but the tokens that are used"


def test_openais_end_stands_in_the_plan() -> None:
    order = replace(ORDER, place=Place("openai", "https://api.openai.com/v1/"))
    assert any("6 January 2027" in line for line in plan_lines(order, forecast(order, PRICE)))


@pytest.mark.parametrize(
    ("amount", "shown"), [(0, "$0.00"), (0.00012, "$0.0001"), (0.5, "$0.5000"), (1234.5, "$1,234.50")]
)
def test_dollars(amount: float, shown: str) -> None:
    assert dollars(amount) == shown


# -- settings ----------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_provider_has_a_key_of_its_own(provider: str) -> None:
    settings = load(provider=provider, model="m", base_url="https://x/v1", account="acme")
    place = place_of(settings.training)
    assert place is not None
    assert (place.base_url, place.key_env) == ("https://x/v1/", PROVIDERS[place.provider].key_env)
    assert missing_for_training(settings, {place.key_env: "k" * 20}) == []
    [fault] = missing_for_training(settings, {})
    assert place.key_env in fault


@pytest.mark.parametrize("provider", ["azure", "compatible"])
def test_who_has_no_address_needs_one(provider: str) -> None:
    faults = missing_for_training(
        load(provider=provider, model="m"), {"AZURE_OPENAI_API_KEY": "k", "OPENAI_API_KEY": "k"}
    )
    assert len(faults) == 1 and faults[0].startswith("training.base_url is empty")


def test_fireworks_needs_an_account() -> None:
    [fault] = missing_for_training(load(provider="fireworks", model="m"), {"FIREWORKS_API_KEY": "k"})
    assert fault.startswith("training.account: should be the name")


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ({"provider": "together", "learning_rate_multiplier": 2.0}, "takes training.learning_rate instead"),
        ({"provider": "azure", "learning_rate": 0.1}, "takes training.learning_rate_multiplier instead"),
        ({"provider": "nebius", "learning_rate_multiplier": 2.0}, "takes training.learning_rate instead"),
        ({"suffix": "x" * 25}, "training.suffix"),
        ({"provider": "cohere"}, "training.provider"),
        ({"suffix": "Not This"}, "training.suffix"),
        ({"suffix": ""}, "training.suffix"),
        ({"epochs": 0}, "training.epochs"),
        ({"prices": {"m": {"tokens": 1.0}}}, "training.prices.m.read: is missing"),
        ({"prices": {"m": {"tokens": -1.0, "read": date(2026, 1, 1)}}}, "training.prices.m.tokens"),
        ({"api_key": "x"}, "training.api_key"),
        ({"api_key_env": "sk-proj-0123456789abcdefghijklmnop"}, "looks like a token or key"),
        ({"base_url": "https://user:password@x/v1"}, "looks like a token or key"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(training: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match="The test has 1 fault") as refused:
        load(**training)
    assert said in str(refused.value)
    assert "sk-proj" not in str(refused.value) and "password@" not in str(refused.value)


def test_an_order_takes_what_is_configured() -> None:
    settings = load(provider="azure", model="m", epochs=4, learning_rate_multiplier=0.5, suffix="us")
    place = place_of(settings.training)
    assert place is not None
    order = order_of(settings.training, place, TRAIN, None)
    assert order.learning == Learning(4, 0.5, None)
    assert (order.azure_training_type, order.suffix) == ("GlobalStandard", "us")
