"""Names as they may stand in a prompt: one line each, bounded, and no two people's alike.

People choose their names, and those of threads, so that a name may be a line of dialogue, an instruction, or
somebody else's name in letters of another script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from tuner.text.inert import BLANK, inert, visible

LONGEST_NAME = 32  # Discord's own bounds
LONGEST_TITLE = 100
_LOOKED_AT = 1000  # characters of what is called a name; there are files with endless ones
NOBODY = "someone"
TOOL = "retrieve_context"  # whose results may stand among the turns: nobody's name
MOST_WORDS = 3  # a name of more could be read as a sentence

# What is drawn as nothing (joiners do hold names together), private letters, and half characters.
_BLANK = re.compile(
    f"[{BLANK.replace(chr(0x200C), '').replace(chr(0x200D), '')}\ue000-\uf8ff\ud800-\udfff\U000f0000-\U0010ffff]"
)
_COLONS = re.compile(
    "[:\u02d0\u02f8\u0589\u05c3\u0703\u0704\u1361\u1803\u205a\u205d\u2236\u2982\ua789\ufe13\ufe55\uff1a]"
)
_PILED_MARKS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{4})[\u0300-\u20ff]*"
)

# After Unicode's list of confusable characters (UTS #39): letters of other scripts that are drawn like Latin ones.
_DRAWN_LIKE = {
    "2": "ƧϨᒿꙄꝚ", "3": "ƷȜЗӠзӡⳌꝪꞫ", "4": "Ꮞ", "5": "Ƽ", "6": "бᏮⳒ", "8": "Ȣȣ", "9": "ⳊꝮ",
    "a": "ɑΑαАаᎪᗅꓮᴀ", "b": "ƄΒβВвЬьᏏᏴᑲᖯᗷꓐꞴʙ", "c": "ϲϹСсᏟᴄⲤⲥꓚꮯ", "d": "ԁᎠᏧᑯᗞᗪꓒꓓᴅδ", "e": "ΕεЕеҽєᎬⴹꓰꬲᴇ",
    "f": "ϜքᖴẝꓝꞘꞙꬵ", "g": "ƍɡԌցᏀᏳᶃꓖɢ", "h": "ΗНнһհᎻᏂᕼⲎꓧʜ", "j": "ͿϳЈјᎫᒍꓙꞲᴊ", "k": "ΚκКкᏦᛕⲔꓗᴋ",
    "l": "1i|ıɩɪιΙіІӏӀᎥꙇꭵƖǀᏞᒪᛁⲒⳐⵏꓡꓲʟ", "m": "ΜϺМмᎷᗰᛖⲘꓟᴍ", "n": "ΝηոռпⲚꓠɴ", "o": "0ΟοσОоՕօᴏᴑⲞⲟⵔꓳꬽ",
    "p": "ΡρРрᏢᑭⲢⲣꓑᴘ", "q": "ԛգզⵕ", "r": "ƦгᎡᏒᖇᴦⲅꓣꭇꭈꮁʀ", "s": "ƽЅѕՏᏕᏚꓢꜱꮪ", "t": "ΤτТтᎢⲦꓔᴛ", "u": "ʋυՍսᑌᴜꓴꞟꭎꭒ",
    "v": "νѴѵᏙᐯᴠⴸꓦꮩ", "w": "ɯѡԜԝաωᎳᏔᴡꓪꮃ", "x": "ΧχХхᕁᕽ᙭᙮ᚷⲬⵝꓫꞳ", "y": "ɣʏΥγУуҮүᎩᎽᶌỿⲨꓬꭚ", "z": "ΖᏃᴢꓜꮓ",
}  # fmt: skip
_PLAIN = {ord(letter): plain for plain, letters in _DRAWN_LIKE.items() for letter in letters}


def person(raw: str) -> str:
    """Somebody's name on one line, without what would end a name there."""
    name = _PILED_MARKS.sub(r"\1", unicodedata.normalize("NFKC", visible(raw[:_LOOKED_AT])))
    name = _COLONS.sub(" ", _BLANK.sub("", name))
    return _one_line(name, LONGEST_NAME) or NOBODY


def title(raw: str) -> str:
    """The name of a channel, a thread or a server on one line."""
    return _one_line(visible(raw[:_LOOKED_AT]), LONGEST_TITLE)


def quoted(name: str) -> str:
    """A name within a sentence: in quotation marks when it could be read as a part of it."""
    return f'"{name}"' if len(name.split()) > MOST_WORDS else name


def distinct(names: Mapping[int, str], known: Mapping[int, str] | None = None) -> dict[int, str]:
    """A name for everybody, and no two that look alike: the second Ann is "Ann (2)".

    Those in `known` have theirs already. Nobody has the tool's.
    """
    unique = dict(known or {})
    taken = set(map(_drawn, (TOOL, *unique.values())))
    for speaker, raw in names.items():
        if speaker in unique:
            continue
        plain = person(raw)
        name, number = plain, 1
        while (drawn := _drawn(name)) in taken:
            number += 1
            name = f"{plain} ({number})"
        taken.add(drawn)
        unique[speaker] = name
    return unique


def _one_line(text: str, longest: int) -> str:
    line = " ".join(text.replace('"', "'").split())
    line = line if len(line) <= longest else line[: longest - 1].rstrip("\u200d ") + "…"
    return inert(line)


def _drawn(name: str) -> str:
    """The same for all names that a reader could take for each other."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not "\u0300" <= c <= "\u036f")
    drawn = bare.translate(_PLAIN).casefold().translate(_PLAIN).replace("rn", "m").replace("vv", "w")
    letters = (c for c in drawn if unicodedata.category(c) == "So" or unicodedata.category(c)[0] in "LMN")
    return "".join(letters).replace("\ufe0f", "") or drawn
