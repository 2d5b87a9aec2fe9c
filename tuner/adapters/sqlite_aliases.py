"""The names that an archive knows, for those who give everybody another one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tuner.adapters.sqlite_names import salt_of
from tuner.adapters.sqlite_store import Store
from tuner.people.aliases import Aliases


async def aliases_of(store: Store, output: str) -> Aliases:
    """Aliases for everybody the archive knows, people outside included; `output` is where the dataset goes."""
    salt = await salt_of(store.fetch)
    key = hashlib.blake2b(str(Path(output).absolute()).encode(), digest_size=16, key=salt).digest()
    names = await store.fetch("SELECT id, name FROM authors ORDER BY id")
    former = await store.fetch("SELECT digest, max(speaker) FROM names GROUP BY digest")
    return Aliases([(i, name) for i, name in names], dict(former), key, salt)
