"""A builder of somebody else's that does not fit: a sentence, before anything is written."""

from pathlib import Path

import pytest

from tuner.cli.main import main

BUILDERS = """
from tuner.prompt.stack import Header

def two(request, more): ...
def none(request): return None
async def waits(request): ...
def strings(request): return Header(("x",), ())
def no_role(request): return Header(({"content": "x"},), ())
def unwritable(request): return Header(({"role": "system", "content": {1}},), ())
def no_name(request): return Header(({"role": "system", "content": "x"},), ({"a": 1},))
def raises(request): raise KeyError("persona")
def leaves(request): raise SystemExit(3)
class Empty: ...
number = 5
def good(request): return Header(({"role": "system", "content": "hi"},), ())
"""
BROKEN = {"grammar": "def (", "divides": "1 / 0", "leaves": "import sys; sys.exit(7)"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "foreign_builders.py").write_text(BUILDERS)
    for name, text in BROKEN.items():
        (tmp_path / f"foreign_{name}.py").write_text(text)
    return tmp_path


def refused(stack: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["build-dataset", "--sample", "--set", f"prompt.stack={stack}"]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said and f"prompt.stack = '{stack}'" in said
    assert not Path("data/sample/finetune/records.jsonl").exists()
    return said


@pytest.mark.parametrize("name", ["two", "none", "waits", "strings", "no_role", "unwritable", "no_name"])
def test_another_shape(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "returns a Header, as tuner.prompt.stack.build does" in refused(f"foreign_builders:{name}", capsys)


@pytest.mark.parametrize("name", ["raises", "leaves"])
def test_a_builder_that_fails(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "failed for a sample" in refused(f"foreign_builders:{name}", capsys)


@pytest.mark.parametrize(
    "stack",
    ["foreign_builders:number", "foreign_builders:missing", "foreign_builders", ":x", "..:x", "nowhere:x"]
    + [f"foreign_{name}:build" for name in BROKEN],
)
def test_what_cannot_be_loaded(stack: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "cannot be loaded" in refused(stack, capsys)


def test_a_class_without_arguments(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "cannot be called with one argument" in refused("foreign_builders:Empty", capsys)


def test_one_that_fits(folder: Path) -> None:
    assert main(["build-dataset", "--sample", "--set", "prompt.stack=foreign_builders:good"]) == 0


@pytest.mark.parametrize("text", ["[" * 100_000, "{}", '[{"function": {}}]', '["x"]', "5"])
def test_tools_that_are_none(text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("tools.json").write_text(text)
    code = main(["build-dataset", "--sample", "--set", "prompt.tools_file=tools.json"])
    said = capsys.readouterr().err
    assert "Traceback" not in said and code in (0, 2) and (code == 0) is (text == "{}")
