"""Secrets typed where something else belongs: refused, whoever made them, and never shown again."""

from pathlib import Path

import pytest

from tuner import config
from tuner.cli.main import main
from tuner.config.secrets import looks_secret, names_variable
from tuner.errors import UsageError

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA.GabcDe.abcdefghijklmnopqrstuvwxyz0123456789AB"
SECRETS = [
    TOKEN,
    "mfa.VkO_2G4Qv3T--NO--lWetW_tjND--TOKEN--QFTm6YGtzq9PH--4U--tG0",
    "sk-abcdefghijklmnopqrstuvwxyz",
    "sk-proj-0123456789abcdefghijklmnop",
    "sk-ant-api03-AbCdEf0123456789",
    "sk-or-v1-0123456789abcdef0123456789abcdef",
    "gsk_0123456789abcdefABCDEF0123456789abcdefABCD",
    "xai-0123456789abcdefghijklmnop",
    "AIzaSyA-0123456789abcdefghijklmnopqrstu",
    "hf_0123456789abcdefghijklmnopqrstuvwx",
    "r8_0123456789abcdefghijklmnopqrstuvwx",
    "fw_3Zabcdefghijklmnop0123",
    "csk-0123456789abcdefghijklmnop",
    "pplx-0123456789abcdefghijklmnop",
    "nvapi-0123456789_abcdefghijk-lmnop",
    "tgp_v1_0123456789abcdefghijklmnop",
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "github_pat_11AAAAAAA0abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
    "0123456789abcdef0123456789abcdef",
    "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE",
    "https://user:pass@example.com/v1",
    "https://example.com/v1?api_key=abc",
    "https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz",
]
NO_SECRETS = [
    "gpt-6-luna",
    "meta-llama/Llama-3.3-70B-Instruct-Turbo-Free",
    "ft:gpt-4o-mini-2024-07-18:my-org:custom-suffix:AbCd1234",
    "accounts/fireworks/models/qwen3-235b-a22b-instruct-2507",
    "mybot.prompts:build_everything",
    "data/finetune/records.jsonl",
    "/tmp/pytest-of-somebody/pytest-12/test_a_rather_long_name_of_a_test_0/tuner.db",
    "data/key_results_2024_november_final.jsonl",
    "/home/mika/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b/records.jsonl",
    "http://localhost:8000/v1",
    "https://models.example.com:8443/v1?version=3",
    "1349459239956905986",
    "2024-05-01T18:00:00+02:00",
    "desk-organisation-channel-notes",
    "none",
    "",
]


@pytest.mark.parametrize("text", SECRETS)
def test_keys_of_many_makers_are_known(text: str) -> None:
    assert looks_secret(text)
    assert not names_variable(text)


@pytest.mark.parametrize("text", NO_SECRETS)
def test_names_paths_ids_and_addresses_are_no_secrets(text: str) -> None:
    assert not looks_secret(text)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "DISCORD_TOKEN", "my_key", "GROQ2_KEY_FOR_TUNER", "_X"])
def test_names_of_variables(name: str) -> None:
    assert names_variable(name)


@pytest.mark.parametrize("name", ["my key", "gsk_abc123", "ein-schlüssel", "aB3dE5gH7jK9mN1pQ3sT5vW"])
def test_what_names_no_variable(name: str) -> None:
    assert not names_variable(name)
    for setting in ("openai.api_key_env", "discord.token_env"):
        with pytest.raises(UsageError) as refused:
            config.load({}, [(setting, name)], "The test")
        assert f"{setting}: should be the name of an environment variable" in str(refused.value)
        assert name not in str(refused.value)


SETTINGS = [
    "dataset.channels",
    "dataset.max_samples",
    "dataset.earliest",
    "models.segment",
    "openai.base_url",
]
SETTINGS += ["openai.api_key_env", "discord.guild", "store.path", "nonsense.thing", "prompt.profiles"]


@pytest.mark.parametrize("text", [SECRETS[0], SECRETS[3], SECRETS[6], SECRETS[20], SECRETS[22]])
@pytest.mark.parametrize("setting", SETTINGS)
def test_no_setting_takes_or_shows_one(
    text: str,
    setting: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    table, _, key = setting.partition(".")
    for content in (f"[{table}]\n{key} = '{text}'\n", f"[{table}]\n{key} = ['{text}']\n"):
        Path("config.toml").write_text(content)
        assert main(["status"]) == 2
        said = capsys.readouterr()
        assert "looks like a token or key" in said.err
        assert text not in said.err + said.out
    Path("config.toml").unlink()
    assert main(["status", "--set", f"{setting}={text}"]) == 2
    assert text not in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        "[models.prices.'{0}']\ninput = 1\n",
        "'{0}' = 1\n",
        "['{0}']\n['{0}']\n",
        "[discord]\ntoken = {0}\n",
        "[discord]\ntoken = '{0}\n",
        "{0}\n",
        "[prompt.channels.'{0}']\ntopic = 5\n",
    ],
)
@pytest.mark.parametrize("text", [SECRETS[0], SECRETS[3], SECRETS[6], SECRETS[20]])
def test_not_even_broken_files_are_repeated(
    content: str,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(content.replace("{0}", text))
    assert main(["status"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("tuner: config.toml") and "Traceback" not in said
    assert text not in said and text.split(".")[-1] not in said


@pytest.mark.parametrize(
    "argv",
    [
        ["{0}"],
        ["--token", "{0}"],
        ["--token={0}"],
        ["--segment-model", "{0}"],
        ["--max-samples", "{0}"],
        ["--max-samples={0}"],
        ["-c", "{0}"],
        ["--config", "{0}"],
        ["--from-export", "{0}"],
        ["--nonsense", "{0}"],
        ["--set", "{0}"],
        ["--set", "X={0}"],
        ["--set", "models.segment={0}"],
        ["--set", "models.segment='{0}'"],
        ["--set", "models.prices.{0}=1"],
    ],
)
@pytest.mark.parametrize("text", SECRETS)
def test_no_argument_is_one(argv: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build-dataset", *(word.replace("{0}", text) for word in argv)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("tuner: ") and said.out == ""
    assert text not in said.err


@pytest.mark.parametrize(
    "argv",
    [["--token", "X"], ["--token=X"], ["--set", "X"], ["--api-key", "X"], ["--password=X"], ["-token", "X"]],
)
def test_what_is_typed_as_a_secret_is_not_repeated_whatever_it_looks_like(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [
        word.replace("X", "my=hunter2" if word == "X" and argv[0] == "--set" else "hunter2") for word in argv
    ]
    assert main(["build-dataset", *argv]) == 2
    assert "hunter2" not in capsys.readouterr().err


def test_the_former_name_of_the_token_is_taken_while_the_new_one_is_not_set() -> None:
    env = {"DISCORD_TOKEN": "old"}
    assert config.secret(env, "DISCORD_API_TOKEN", "A test") == "old"
    assert config.secret({**env, "DISCORD_API_TOKEN": " new\n"}, "DISCORD_API_TOKEN", "A test") == "new"
    with pytest.raises(UsageError, match="variable MY_TOKEN, which"):
        config.secret(env, "MY_TOKEN", "A test")
