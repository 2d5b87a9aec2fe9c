"""What pydantic finds wrong with a line of chat messages, in words."""

from __future__ import annotations

from typing import Any


def in_words(item: Any) -> str:
    """One of the errors of a pydantic ValidationError: where, and what."""
    place = [str(part) for part in item["loc"]]
    if place[:1] == ["messages"]:
        del place[2:3]  # the role, by which the rules for a message are chosen
        if place[2:3] == ["content"]:
            del place[3:4]  # likewise the form
            del place[4 : 5 if len(place) > 5 else 4]  # and the type of a part
    where = ".".join(place)
    match item["type"]:
        case "extra_forbidden":
            return f"contains an extra key: {where}"
        case "missing":
            return f"{where} is missing"
        case "union_tag_not_found":
            return f"{where}.{item['ctx']['discriminator'][1:-1]} is missing"
        case "union_tag_invalid" if item["ctx"]["discriminator"] != "'role'":
            return f"{where}.type: should be {item['ctx']['expected_tags']}, not {item['ctx']['tag']!r}"
        case "union_tag_invalid":
            return f"{where}.role: should be system, user, assistant or tool, not {item['ctx']['tag']!r}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{where}: should be a JSON object".removeprefix(": ")
        case _:
            text = str(item["msg"]).removeprefix("Input ")
            return f"{where}: {text[:1].lower()}{text[1:]}".removeprefix(": ")
