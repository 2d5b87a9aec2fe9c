"""Whether work grows with the length of a text, not with its square. Compares sizes; no time is asserted."""

from collections.abc import Callable
from time import process_time

SMALL, LARGE = 25_000, 100_000
NEGLIGIBLE = 0.05  # seconds of the processor
UNITS = (
    *("a", "Z", "1", "_", "é", "中", "م", "ก็", "😀", "\u0301", "\u200b", "\ufe0f", "\U000e0041", "\0", "\ud800"),
    *(" ", "\t", "\n", "\r", " \n", "\n ", "\u2028", "\u3000", "\xa0", "a ", "a\n"),
    *"! \" # $ % & ' ( ) * + , - . / : ; < = > ? @ [ \\ ] ^ ` { | } ~".split(),
    *("[a", "[](", "[a](", "||", "<|", "<|a", "|>", "</", "</a", "<a:", "<:aa:", "<t:", "<t:1", "<@", "<@1", "<#1"),
    *("<id:", "<id:a", "<a_of_", "[TOOL_", "]~", "https://", "http://cdn.discord.com/", "[x](https://cdn.discordapp.com/"),
    *("said", "said ", "said:", "said:*", "said:\n", "said\n:", "(3 h later)\n"),
    *("[attachment: ", "you said ", "what did "),
)  # fmt: skip
"""What a hostile text repeats."""


def is_linear(work: Callable[[str], object], unit: str) -> bool:
    """Four times the text takes about four times the work, where the square of it is sixteen times."""

    def cost(size: int) -> float:
        text = (unit * size)[: size - 1] + "x"  # the run leads to nothing
        before = process_time()
        work(text)
        return process_time() - before

    def grows_too_fast() -> bool:
        large = cost(LARGE)
        return large >= NEGLIGIBLE and large >= 9 * cost(SMALL) + NEGLIGIBLE

    return not all(grows_too_fast() for _ in range(5))
