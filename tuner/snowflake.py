"""Discord ids carry their creation time: (milliseconds since 2015 << 22) + 22 low bits."""

from datetime import UTC, datetime

DISCORD_EPOCH_MS = 1_420_070_400_000


def at_ms(snowflake: int) -> int:
    """Unix time of an id, in milliseconds."""
    return (snowflake >> 22) + DISCORD_EPOCH_MS


def moment(snowflake: int) -> datetime:
    """Creation time of an id, in UTC."""
    return datetime.fromtimestamp(at_ms(snowflake) / 1000, UTC)


def first_id(when: datetime) -> int:
    """The smallest id that a message sent at `when` or later can have; 0 before 2015."""
    return max(0, int(when.timestamp() * 1000) - DISCORD_EPOCH_MS) << 22


def first_of_millisecond(snowflake: int) -> int:
    """The smallest id that something made in the same millisecond can have."""
    return snowflake >> 22 << 22


def last_of_millisecond(snowflake: int) -> int:
    """The largest one."""
    return snowflake | (1 << 22) - 1
