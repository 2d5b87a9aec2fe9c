"""Tokens and keys: where they are read from, and how one is told that was typed where a name belongs.

They live in the environment only. What looks like one is refused wherever it stands, and never repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tuner.config.settings import TOKEN_ENV
from tuner.errors import UsageError

FORMER_TOKEN_ENV = "DISCORD_TOKEN"  # taken while TOKEN_ENV is not set
HIDDEN = "(hidden: it looks like a token or key)"

# Shapes that nothing else has: the keys of model providers and of the services next to them, bot tokens and
# webhooks, signed tokens, addresses with a password or a key in them.
SECRET_VALUE = re.compile(
    r"""(?x)
    \bsk-[\w-]{12,}                           # OpenAI, Anthropic, OpenRouter, DeepSeek
    | \b(?:sk|rk|pk)_(?=\w*\d)\w{12,}         # Stripe, ElevenLabs
    | \b(?:gsk|gh[pousr]|github_pat)_\w{6,}   # Groq, GitHub
    | \bxai-\w{8,}
    | \bAIza[\w-]{16,} | \bAQ\.[\w-]{20,}     # Google
    | \b(?:hf|r8|fw|csk|pplx|npm|jina|tgp_v1|dop_v1)[-_](?=\w*\d)[A-Za-z0-9]{16,}
    | \b(?:nvapi|glpat|esecret|tgp_v1)[-_][\w-]{16,}
    | \bxox[abeprs]-[\w-]{10,}                # Slack
    | \b(?:AKIA|ASIA)[A-Z0-9]{12,}            # AWS
    | \beyJ[\w-]{8,}\.[\w-]{8,}               # a signed token (JWT)
    | \bmfa\.[\w-]{20,}
    | (?<![\w-])[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}  # Discord
    | /api/webhooks/\d+/[\w-]{20,}
    | ://[^\s/?\#@]*:[^\s/?\#]*@              # user:password@
    | ://[^\s/?\#@]{16,}@
    | [?&](?:api[-_]?key|key|token|access_token|secret|password|sig)=[^&\s]+
    | \bBearer\s+\S{8,}
    """
)
SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:token|api[_-]?key|secret|secret[_-]?key|password|passwd|bearer|credentials?)$",
    re.IGNORECASE,
)
_RUN = re.compile(
    r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{32,}"
)  # Mistral, Cohere, Azure, Together: no prefix
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MIXED = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{20,}|(?=.*\d)[a-z0-9]{20,}")
_PREFIX = re.compile(r"(?:sk|gsk|hf|r8|fw|csk|pplx|nvapi|xai|tgp)_", re.ASCII)


def looks_secret(text: str) -> bool:
    """Whether this is, or holds, something with the shape of a token or key."""
    text = text.strip()
    return bool(SECRET_VALUE.search(text) or _RUN.fullmatch(text))


def names_variable(text: str) -> bool:
    """Whether this can be the name of an environment variable, and not what should be in it."""
    if not _VARIABLE.fullmatch(text) or looks_secret(text):
        return False
    return not _MIXED.fullmatch(text) and not _PREFIX.match(text)


def without_secrets(text: str) -> str:
    """The text, with what looks like a token or key taken out."""
    return SECRET_VALUE.sub(HIDDEN, text)


def check_arguments(argv: Sequence[str]) -> None:
    """Refuse a command line with a secret on it, before any part of it is repeated to anybody."""
    for argument in argv:
        name, _, value = argument.partition("=")
        if SECRET_NAME.search(name.lstrip("-")) and argument.startswith("--"):
            raise UsageError(
                f"{name if not looks_secret(name) else 'An option'} is no option: command lines are kept and seen by "
                f"others, so secrets are read from the environment only. Set {TOKEN_ENV} for Discord, OPENAI_API_KEY "
                "for models. If a secret was typed here, make a new one."
            )
        if any(map(looks_secret, (argument, value, value.strip("\"'")))):
            before = name if value and not looks_secret(name) else "an argument"
            raise UsageError(
                f"{before}: looks like a token or key. Command lines are kept and seen by others, so secrets are "
                f"read from the environment only: set {TOKEN_ENV} for Discord, OPENAI_API_KEY for models. If it is "
                "one, make a new one."
            )


def secret(environment: Mapping[str, str], name: str, purpose: str) -> str:
    """A secret from the environment; never logged, stored or put into a message."""
    fault = secret_fault(environment, name, purpose)
    if fault:
        raise UsageError(fault)
    return _found(environment, name)


def secret_fault(environment: Mapping[str, str], name: str, purpose: str) -> str:
    """Why there is no secret of that name that can be sent; empty when there is one."""
    value = _found(environment, name)
    shown = f"{name} (or {FORMER_TOKEN_ENV})" if name == TOKEN_ENV else name
    if not value:
        return f"{purpose} needs the environment variable {shown}, which is empty or not set."
    if not (value.isascii() and value.isprintable()) or " " in value:
        return (
            f"{purpose} needs the environment variable {shown} to hold a key and nothing else: it has blanks, line "
            "breaks or letters in it that no key has. Copy it again, whole and alone."
        )
    return ""


def _found(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    return value or (environment.get(FORMER_TOKEN_ENV, "").strip() if name == TOKEN_ENV else "")
