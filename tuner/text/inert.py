"""Text that cannot pass for anything but text: no unseen characters, no control tokens of chat templates.

What people write ends up in prompts, where some character sequences mean something: `<|im_start|>` begins a
turn for one model, `[INST]` for another. They stay readable here and lose that meaning.
"""

from __future__ import annotations

import re
import unicodedata

BLANK = "\u115f\u1160\u17b4\u17b5\u200b\u200c\u200d\u200e\u200f\u2800\u3164\uffa0"  # drawn as nothing
_BREAKS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
# Controls, soft hyphens, what turns the direction of writing, and what is defined to be invisible.
_UNSEEN = re.compile(
    "[\0-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
# Joiners hold emoji and some scripts together, never ASCII; selectors choose how the one character before looks.
_JOINERS = re.compile(
    r"[\u200b-\u200f]{2,}|(?<![^\0-\x7f])[\u200b-\u200f]|[\u200b-\u200f](?![^\0-\x7f])"
    r"|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}|(?<![^\0-\x7f]|[0-9#*])[\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
# Tags spell ASCII that nobody sees; a flag of a region is the only use they have.
_TAGS = re.compile(
    "(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f)|[\U000e0000-\U000e007f]"
)

_TAG_TOKENS = r"""
    s | bos | eos | pad | unk | mask | cls | sep | eo[a-z] | so[a-z] | 0x[0-9a-f]{2}
    | [a-z]{1,16}_of_[a-z_]{1,32} | [a-z_]{1,32}_token | endof[a-z]{1,16} | im_[a-z]{1,16}
    | (?:tokens_)?unused_?\d{1,6} | reserved[\w-]{0,32} | extra_id_\d{1,6}
    | think(?:ing)? | thought | reasoning | tools? | tool_[a-z_]{1,32} | function(?:_[a-z]{1,16})?(?:=[\w.-]{1,64})?
    | parameter=[\w.-]{1,64} | arg_(?:key|value) | fim_[a-z]{1,16} | file_sep | repo_?name
    | system | user | assistant | human | model | bot | image | video | audio | seed:[a-z_]{1,32}
"""
_TOKENS = re.compile(
    rf"""
    <(?=[|][^\s<>]{{1,64}}>)                     # <|im_start|> and all its kind, <|turn>
    | <(?=[^\s<>|][^\s<>]{{0,64}}[|]>)                  # <turn|>
    | <(?=/?(?:[a-z]{{1,16}}:)?(?:{_TAG_TOKENS})>)      # </s>, <start_of_turn>
    | <(?=</?sys>>)
    | \[(?=/?(?-i:
        INST | IMG(?:_[A-Z]{{1,16}})? | AUDIO | PREFIX | SUFFIX | MIDDLE | ARGS | CALL_ID | THINK
        | (?:BEGIN|END|TOOL|AVAILABLE|SYSTEM|MODEL)_[A-Z_]{{1,24}}
        | [gs]?MASK | CLS | SEP | PAD | UNK | BOS | EOS | EOT
      )\])
    | \](?=~!?[a-z]{{0,8}}[][]) | \[(?=e~\[) | \](?=![a-z]~\[)   # ]~b] and its kind
    """,
    re.IGNORECASE | re.VERBOSE,
)


class _Fold(dict[int, str]):
    """Character → the plain one that a tokenizer may take it for (NFKC). Learned as characters come."""

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFKC", chr(code))
        self[code] = plain if len(plain) == 1 else chr(code)
        return self[code]


_FOLD = _Fold()


def fold(text: str) -> str:
    """The text with its characters' plain forms: `＜` is `<`. As long as before, place by place."""
    return text if text.isascii() else text.translate(_FOLD)


def visible(text: str) -> str:
    """The text without what cannot be seen, and with one kind of line end."""
    text = _UNSEEN.sub("", _BREAKS.sub("\n", text))
    return text if text.isascii() else _JOINERS.sub("", _TAGS.sub(r"\1", text))


def is_blank(text: str) -> bool:
    """Whether there is nothing in a text to see."""
    return all(c.isspace() or c in BLANK for c in visible(text))


def inert(text: str) -> str:
    """The text with a space in everything that a tokenizer may take for a control token."""
    done, parts = 0, []
    for token in _TOKENS.finditer(fold(text)):
        parts.append(text[done : token.end()])
        done = token.end()
    return " ".join([*parts, text[done:]])
