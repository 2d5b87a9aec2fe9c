"""A command loads what it needs, and nothing that only another one does: most of a short command is its imports."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("numpy", "discord", "openai", "aiohttp", "ijson", "rich")
SCRIPT = f"""
import sys
from tuner.cli.main import main
code = main(sys.argv[1:])
print("loaded:", *[name for name in {HEAVY} if name in sys.modules])
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["validate", "lines.jsonl"], 1),
        (["status"], 2),
        (["forget", "1"], 2),
        (["refresh"], 2),
    ],
)
def test_short_commands_load_nothing_heavy(arguments: list[str], code: int, tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text("{}\n")
    command = [sys.executable, "-c", SCRIPT, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1].strip()) == (code, "loaded:"), done.stderr
