"""All readers that are known here, installed or not."""

from __future__ import annotations

from tests.readers import axolotl, llama_factory, mlx, services, tables, templates, tinker
from tests.readers.reading import Reader

READERS: tuple[Reader, ...] = (
    *services.READERS,
    *llama_factory.READERS,
    *tables.READERS,
    *axolotl.READERS,
    *mlx.READERS,
    *tinker.READERS,
    *templates.READERS,
)
