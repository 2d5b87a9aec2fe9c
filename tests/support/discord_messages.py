"""Messages over REST: history pages, and writing with the limits, permissions and pings Discord applies."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from tests.support.discord_call import Call, Refused, Written, shown
from tests.support.discord_world import Channel, JsonObject, Permission, id_of, snowflake

FILE_LIMIT = 10 * 2**20  # bytes, in a guild without boosts
CONTENT, EMBEDS, EMBED_CHARACTERS, FIELDS, FILES, NONCE = 2000, 10, 6000, 25, 10, 25
EMBED_PARTS = {"title": 256, "description": 4096, "footer.text": 2048, "author.name": 256}
FIELD_PARTS = {"name": 256, "value": 1024}
EPHEMERAL, LOADING, COMPONENTS_V2 = 1 << 6, 1 << 7, 1 << 15  # message flags
STORED = ("embeds", "components", "flags", "nonce")

_MENTION = re.compile(r"<@!?(\d+)>|<@&(\d+)>|@(everyone|here)\b")


def messages(call: Call) -> list[JsonObject]:
    found = call.with_messages()
    limit = call.limit(50, 1, 100)
    anchors = [name for name in ("before", "after", "around") if name in call.query]
    if len(anchors) > 1 or not all(call.query[name].isdecimal() for name in anchors):
        raise Refused(400, 50035, "Invalid Form Body: before, after and around exclude each other")
    if not call.may(found, Permission.READ_MESSAGE_HISTORY):
        return []
    start, end = _span(call, found, limit)
    return [shown(call.world, message) for message in reversed(found.messages[start:end])]


def message(call: Call) -> JsonObject:
    return shown(call.world, call.message(call.with_messages(Permission.READ_MESSAGE_HISTORY)))


def send(call: Call) -> JsonObject:
    """A nonce that was seen before gives the message it made then."""
    target = call.with_messages()
    talk = Permission.SEND_MESSAGES_IN_THREADS if target.is_thread else Permission.SEND_MESSAGES
    if not call.may(target, talk) or (call.files and not call.may(target, Permission.ATTACH_FILES)):
        raise Refused(403, 50013, "Missing Permissions")
    check_limits(call, call.body)
    _reopen(call, target)
    nonce = call.body.get("nonce")
    if nonce is not None and call.body.get("enforce_nonce"):
        twins = (message for message in reversed(target.messages) if message.get("nonce") == nonce)
        if twin := next(twins, None):
            return shown(call.world, twin)
    fields = {key: call.body[key] for key in STORED if call.body.get(key)}
    if not call.may(target, Permission.EMBED_LINKS) and fields.pop("embeds", None):
        check_not_empty(call, call.body | {"embeds": []}, Refused(403, 50013, "Missing Permissions"))
    made = write(call, call.ids["channel"], call.body, "send", reply_to=_replied_to(call, target), **fields)
    return shown(call.world, made)


def edit(call: Call) -> JsonObject:
    target = call.with_messages()
    found = call.message(target)
    if found["author"]["id"] != call.world.bot["id"]:
        raise Refused(403, 50005, "Cannot edit a message authored by another user")
    check_limits(call, call.body, found)
    if target.is_thread and target.data["thread_metadata"]["archived"]:
        raise Refused(400, 50083, "Thread is archived")
    if not call.may(target, Permission.EMBED_LINKS) and call.body.get("embeds"):
        check_not_empty(call, found | call.body | {"embeds": []})
    rewrite(call, found, call.body, "edit")
    return shown(call.world, found)


def _reopen(call: Call, target: Channel) -> None:
    """A message opens an archived thread again; a locked one stays closed to all but its moderators."""
    if target.is_thread:
        metadata = target.data["thread_metadata"]
        if metadata["locked"] and not call.may(target, Permission.MANAGE_THREADS):
            raise Refused(400, 160005, "Thread is locked")
        metadata["archived"] = False


def delete(call: Call) -> None:
    target = call.with_messages()
    found = call.message(target)
    if found["author"]["id"] != call.world.bot["id"] and not call.may(target, Permission.MANAGE_MESSAGES):
        raise Refused(403, 50013, "Missing Permissions")
    call.world.delete_message(call.ids["channel"], id_of(found))
    call.events.append(("MESSAGE_DELETE", found))


def typing(call: Call) -> None:
    call.with_messages(Permission.SEND_MESSAGES)


def write(
    call: Call, channel_id: int, body: JsonObject, how: str, *, private: bool = False, **fields: Any
) -> JsonObject:
    """Make a message of the bot's, with files and pings, and let the gateway tell of it, if it isn't private."""
    channel = call.world.channels[channel_id]
    last = channel.data["last_message_id"]
    made = call.world.add_message(
        channel_id,
        call.world.bot,
        body.get("content") or "",
        max(time.time_ns() // 1_000_000, call.world.clock_ms),
        **fields,
    )
    made |= _pings(call, made, body)
    made["attachments"] = _attachments(call, made, body)
    call.written.append(Written(how, made, body, call.files, time.time()))
    if private:  # shown to one person, part of no history
        call.world.delete_message(channel_id, id_of(made))
        channel.data["last_message_id"] = last
    else:
        call.events.append(("MESSAGE_CREATE", made))
    return made


def rewrite(call: Call, found: JsonObject, body: JsonObject, how: str) -> None:
    """Change a message, wherever it is stored, as edits do: what the body leaves out stays."""
    changes = {key: body[key] or [] for key in ("embeds", "components") if key in body}
    if "content" in body:
        changes["content"] = body["content"] or ""
        changes |= _pings(call, found | changes, body)
    if "flags" in body:
        changes["flags"] = body["flags"] | found["flags"] & EPHEMERAL
    if "attachments" in body or call.files:
        kept = [int(one["id"]) for one in body.get("attachments", found["attachments"])]
        changes["attachments"] = [
            *(one for one in found["attachments"] if id_of(one) in kept),
            *_attachments(call, found, body),
        ]
    found |= {"edited_timestamp": datetime.now(UTC).isoformat()} | changes
    call.written.append(Written(how, found, body, call.files, time.time()))
    if not found["flags"] & EPHEMERAL:
        call.events.append(("MESSAGE_UPDATE", found))


def check_limits(call: Call, body: JsonObject, before: JsonObject | None = None) -> None:
    """Refuse what Discord would, naming the fields; `before` is the message that is edited."""
    if any(len(file.data) > FILE_LIMIT for file in call.files):
        raise Refused(413, 40005, "Request entity too large")
    if errors := dict(_too_long(call, body)):
        raise Refused(400, 50035, "Invalid Form Body", errors)
    check_not_empty(call, (before or {}) | body)


def check_not_empty(call: Call, body: JsonObject, otherwise: Refused | None = None) -> None:
    parts = ("content", "embeds", "components", "attachments", "sticker_ids", "poll")
    if not call.files and not any(body.get(part) for part in parts):
        raise otherwise or Refused(400, 50006, "Cannot send an empty message")


def _too_long(call: Call, body: JsonObject) -> Iterator[tuple[str, str]]:
    """Path and reason of each field over a limit. Discord trims an embed's texts before it counts."""
    if len(body.get("content") or "") > CONTENT:
        yield "content", f"Must be {CONTENT} or fewer in length."
    if len(str(body.get("nonce") or "")) > NONCE:
        yield "nonce", f"Must be {NONCE} or fewer in length."
    if len(call.files) > FILES:
        yield "attachments", f"Must be {FILES} or fewer in length."
    embeds = body.get("embeds") or []
    if len(embeds) > EMBEDS:
        yield "embeds", f"Must be {EMBEDS} or fewer in length."
    characters = 0
    for i, embed in enumerate(embeds):
        fields = embed.get("fields") or []
        if len(fields) > FIELDS:
            yield f"embeds.{i}.fields", f"Must be {FIELDS} or fewer in length."
        parts = [(name, _part(embed, name), limit, False) for name, limit in EMBED_PARTS.items()]
        for j, field in enumerate(fields):
            parts += [
                (f"fields.{j}.{name}", _part(field, name), limit, True) for name, limit in FIELD_PARTS.items()
            ]
        for name, text, limit, required in parts:
            characters += len(text)
            if len(text) > limit:
                yield f"embeds.{i}.{name}", f"Must be {limit} or fewer in length."
            elif required and not text:
                yield f"embeds.{i}.{name}", "This field is required"
    if characters > EMBED_CHARACTERS:
        yield "embeds", f"Embed size exceeds maximum size of {EMBED_CHARACTERS}"


def _part(source: JsonObject, path: str) -> str:
    value: Any = source
    for step in path.split("."):
        value = (value or {}).get(step)
    return str(value or "").strip()


def _pings(call: Call, made: JsonObject, body: JsonObject) -> JsonObject:
    """Whom the content pings, as far as allowed_mentions lets it; embeds never ping."""
    allowed = body.get("allowed_mentions")
    parse = ["users", "roles", "everyone"] if allowed is None else allowed.get("parse", [])
    named = {int(one) for key in ("users", "roles") for one in (allowed or {}).get(key, ())}
    users, roles, everyone = [], [], False
    channel = call.world.channels.get(int(made["channel_id"]))
    for user, role, all_of_them in _MENTION.findall(made["content"]):
        if user and ("users" in parse or int(user) in named) and int(user) in call.world.users:
            users.append(call.world.users[int(user)])
        elif role and ("roles" in parse or int(role) in named):
            roles.append(role)
        elif all_of_them and "everyone" in parse:
            everyone = channel is not None and call.may(channel, Permission.MENTION_EVERYONE)
    return {"mentions": users, "mention_roles": roles, "mention_everyone": everyone}


def _attachments(call: Call, made: JsonObject, body: JsonObject) -> list[JsonObject]:
    """One object for each uploaded file; the body may describe file n under the id n."""
    described = {str(one["id"]): one for one in body.get("attachments") or []}
    found = []
    for n, file in enumerate(call.files):
        number = (re.findall(r"\d+", file.field) or [str(n)])[0]
        place = f"{made['channel_id']}/{made['id']}/{n}/{file.filename}"
        found.append(
            {
                "id": str(snowflake(time.time_ns() // 1_000_000, n)),
                "filename": described.get(number, {}).get("filename", file.filename),
                "description": described.get(number, {}).get("description"),
                "size": len(file.data),
                "url": f"https://cdn.invalid/attachments/{place}",
                "proxy_url": f"https://media.invalid/attachments/{place}",
                "content_type": "application/octet-stream",
            }
        )
    return found


def _span(call: Call, channel: Channel, limit: int) -> tuple[int, int]:
    """The slice of the channel's messages that a page shows."""
    if "after" in call.query:
        start = channel.index(int(call.query["after"]) + 1)
        return start, start + limit
    if "around" in call.query:  # an even limit gives one message more than it says, as on Discord
        middle = channel.index(int(call.query["around"]))
        return max(0, middle - limit // 2), middle + limit // 2 + 1
    end = channel.index(int(call.query["before"])) if "before" in call.query else len(channel.messages)
    return max(0, end - limit), end


def _replied_to(call: Call, channel: Channel) -> int | None:
    reference = call.body.get("message_reference")
    if not reference:
        return None
    target = int(reference["message_id"])
    if channel.find(target) is None:
        if not reference.get("fail_if_not_exists", True):
            return None
        raise Refused(400, 50035, "Invalid Form Body", {"message_reference": "Unknown message"})
    return target
