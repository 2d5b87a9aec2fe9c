"""All readers that are known here, installed or not."""

from __future__ import annotations

from tests.readers import llama_factory, services, tables, templates
from tests.readers.reading import Reader

READERS: tuple[Reader, ...] = (
    *services.READERS,
    *llama_factory.READERS,
    *tables.READERS,
    *templates.READERS,
)
