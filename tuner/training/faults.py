"""What a provider's refusal means, in a sentence: whether the same may work later, and whether it was obeyed."""

from __future__ import annotations

import re
from typing import Any

from tuner.config.secrets import HIDDEN, without_secrets
from tuner.errors import FatalError, RetryError, TunerError, UsageError
from tuner.training.providers import Place

LONGEST_WAIT = 120.0  # seconds; a longer Retry-After is not waited for
LONGEST_WORDS = 400  # characters that are repeated of what a provider says
CLOSED = "training_not_available"
CLOSING = (
    "OpenAI refuses to fine-tune for this organisation (training_not_available). Fine-tuning closes on 2027-01-06 for "
    "everybody, and is closed since 7 May 2026 to organisations that never used it. Train the same dataset elsewhere: "
    "set training.provider to azure, nebius, together or fireworks."
)

_BLANK = re.compile(r"\s+")


class UnansweredError(RetryError):
    """It is not known whether the provider took a request: it has to be looked for before it is sent again."""


class RefusedError(FatalError):
    """The provider will not take this order, ever."""


def words_of(body: Any, key: str = "") -> str:
    """A provider's own words about a fault, on one line, without the key; empty where it has none."""
    while isinstance(body, dict):
        body = body.get("error") or body.get("message") or body.get("detail")
    return told(body, key) if isinstance(body, str) else ""


def told(text: str, key: str = "") -> str:
    """Words of a provider on one line, of a length that can be shown, without the key."""
    text = text.replace(key, HIDDEN) if key else text
    text = _BLANK.sub(" ", without_secrets(text)).strip()
    return text if len(text) <= LONGEST_WORDS else text[: LONGEST_WORDS - 1] + "…"


def code_of(body: Any) -> str:
    """A provider's code of a fault; empty where it has none."""
    error = body.get("error", body) if isinstance(body, dict) else None
    code = (error.get("code") or error.get("type")) if isinstance(error, dict) else None
    return code if isinstance(code, str) else ""


def classed(place: Place, status: int, body: Any, key: str, *, after: float | None = None) -> TunerError:
    """Which kind of trouble an HTTP error is; `after` is the wait it asked for, in seconds."""
    said, code = words_of(body, key), code_of(body)
    quoted = f" It says: {said}" if said else ""
    http = f"HTTP {status}{', ' + code if re.fullmatch(r'[A-Za-z_]{1,60}', code) else ''}"
    match status:
        case 403 if code == CLOSED or CLOSED in said:
            return UsageError(
                CLOSING if place.provider == "openai" else f"{place.title} trains nothing here.{quoted}"
            )
        case 401 | 403:
            return UsageError(
                f"{place.title} refused the key or what it was to be used for ({http}). Check the key in "
                f"{place.key_env}, and that it may train models.{_also(place)}{quoted}"
            )
        case 402 | 429 if status == 402 or "quota" in code or "billing" in code:
            return FatalError(f"The account at {place.title} has no credit for this ({http}).{quoted}")
        case 429:
            return _later(place, http, after)
        case 408 | 409 | 425:
            return UnansweredError(f"{place.title} did not finish the request ({http})")
        case status if status >= 500:
            return UnansweredError(f"{place.title} failed ({http})", after)
        case 404 | 405:
            return UsageError(
                f"{place.title} knows nothing of that kind ({http}). Check training.base_url, training.model and "
                f"training.account.{quoted}"
            )
        case _:
            return RefusedError(f"{place.title} does not take the request ({http}).{quoted}")


def _later(place: Place, http: str, after: float | None) -> TunerError:
    if after is not None and after > LONGEST_WAIT:
        return FatalError(
            f"{place.title} asks to wait {after:.0f} s ({http}). Run the same command again after that."
        )
    return RetryError(f"{place.title} asks to wait ({http})", after)


def _also(place: Place) -> str:
    if place.provider != "openai":
        return ""
    return " Since 7 May 2026 OpenAI fine-tunes only for organisations that did so before, from 2027-01-06 for nobody."
