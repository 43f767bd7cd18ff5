"""Where secrets come from, and that nothing said about a config shows one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.config import Config, load

Reader = Callable[..., Config]
Complainer = Callable[..., str]
SECRET = "hunter2-and-more"
SHOP = "services:\n  shop:\n    checks:\n      live: http://localhost:8080/\n"
HOOK = "tracker:\n  webhook:\n    url: http://localhost:9000/\n"


def test_a_variable_fills_any_text_and_two_dollars_are_one(config: Reader) -> None:
    found = config(
        SHOP.replace("8080", "${PORT}") + 'monitor: {location: "a$$b-${PLACE}-$5-${PLACE}"}\n',
        {"PORT": "8443", "PLACE": "fra1"},
    )

    assert found.all_checks()[0].question.url == "http://localhost:8443/"
    assert found.monitor.location == "a$b-fra1-$5-fra1"


def test_what_a_variable_holds_is_text_and_never_yaml_or_another_variable(config: Reader) -> None:
    found = config(SHOP + 'monitor: {location: "${PLACE}"}\n', {"PLACE": "{a: [b]} # ${HOME} $$"})

    assert found.monitor.location == "{a: [b]} # ${HOME} $$"


def test_an_empty_variable_is_as_bad_as_a_missing_one(problems: Complainer) -> None:
    said = problems(SHOP + 'monitor: {location: "${PLACE}", environment: "${STAGE}"}\n', {"PLACE": ""})

    assert "monitor.location: the environment variable PLACE is empty" in said
    assert "monitor.environment: the environment variable STAGE is not set" in said


@pytest.mark.parametrize("line", ['secret: "${HOOK}"', f"secret: {SECRET}", "secret_file: hook", "secret_file: ./hook"])
def test_a_secret_comes_from_the_environment_the_file_itself_or_a_file_beside_it(
    config: Reader, tmp_path: Path, line: str
) -> None:
    (tmp_path / "hook").write_text(f"{SECRET}\n")

    found = config(SHOP + HOOK + f"    {line}\n", {"HOOK": SECRET})

    assert found.tracker.webhook is not None
    assert found.tracker.webhook.secret.get_secret_value() == SECRET
    assert SECRET in found.secrets()


def test_a_file_of_a_folder_that_systemd_loaded_is_found_under_the_name_that_systemd_gives_it(
    config: Reader, tmp_path: Path
) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "secrets_hook").write_text(SECRET)
    text = SHOP + HOOK + "    secret_file: secrets/hook\n"

    in_the_unit = config(text, {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "hook").write_text("beside the config")
    in_a_shell = config(text)

    assert in_the_unit.tracker.webhook is not None
    assert in_the_unit.tracker.webhook.secret.get_secret_value() == SECRET
    assert in_a_shell.tracker.webhook is not None
    assert in_a_shell.tracker.webhook.secret.get_secret_value() == "beside the config"


def test_a_systemd_credential_comes_before_a_file_of_that_name(config: Reader, tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "hook").write_text(SECRET)
    (tmp_path / "hook").write_text("the other one")
    text = SHOP + HOOK + "    secret_file: hook\n"

    found = config(text, {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})
    beside = config(text, {"CREDENTIALS_DIRECTORY": str(tmp_path / "none")})

    assert found.tracker.webhook is not None
    assert found.tracker.webhook.secret.get_secret_value() == SECRET
    assert beside.tracker.webhook is not None
    assert beside.tracker.webhook.secret.get_secret_value() == "the other one"


def test_the_token_is_read_and_its_path_made_absolute(config: Reader, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"  {SECRET}\n")

    found = config(SHOP + "monitor: {token_file: token}\n")

    assert found.monitor.token_file == tmp_path / "token"
    assert found.monitor.token is not None
    assert found.monitor.token.get_secret_value() == SECRET
    assert SECRET in found.secrets()


def test_what_must_be_masked_is_known_whatever_key_it_came_through(config: Reader) -> None:
    found = config(
        """
monitor: {location: "${PLACE}"}
services:
  shop:
    checks:
      live:
        http: http://localhost:8080/?k=${API_KEY}
        headers:
          Authorization: Bearer literal-token-1
          X-Tenant: ${TENANT}
          Accept: application/json
        method: POST
        body: ${ORDER}
""",
        {"PLACE": "fra1", "API_KEY": "key-2", "TENANT": "tenant-3", "ORDER": "order-4"},
    )

    assert found.secrets() == {"Bearer literal-token-1", "literal-token-1", "key-2", "tenant-3", "order-4"}


def test_neither_repr_nor_str_shows_a_secret(config: Reader, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(SECRET)
    found = config(
        f"""
monitor: {{token_file: token}}
services:
  shop:
    checks:
      live:
        http: http://localhost:8080/
        method: POST
        headers: {{Authorization: "Bearer {SECRET}"}}
        body: "{SECRET}"
tracker: {{webhook: {{url: "http://localhost:9000/", secret: "${{HOOK}}"}}}}
""",
        {"HOOK": SECRET},
    )

    assert SECRET in found.secrets()
    for value in (
        found,
        found.monitor,
        found.services["shop"],
        found.tracker,
        found.all_checks(),
        found.model_dump_json,
    ):
        assert SECRET not in repr(value)
        assert SECRET not in str(value)
    assert repr(found) == "Config(services=1, checks=1)"


@pytest.mark.parametrize(
    "line",
    [
        'secret: ["${HOOK}"]',
        'secret: {value: "${HOOK}"}',
        'secrt: "${HOOK}"',
        'secret: "${HOOK}"\n    secret_file: "${HOOK}x${"',
        'url2: "${HOOK}"',
        'secret_file: "${HOOK}"',
        f"secret_file: {SECRET}",
        f"secret_file: [{SECRET}]",
        f"secret: {SECRET}\n    secret_file: {SECRET}",
    ],
)
def test_a_secret_in_the_wrong_place_is_not_shown_by_the_problem(problems: Complainer, line: str) -> None:
    assert SECRET not in problems(SHOP + HOOK + f"    {line}\n", {"HOOK": SECRET})


@pytest.mark.parametrize(
    "key", ["criticality", "tags", "depends_on", "checks", "slos", "traffic", "logs", "unknown"], ids=str
)
@pytest.mark.parametrize("value", ['"${HOOK}"', '["${HOOK}"]', '{live: "${HOOK}"}'])
def test_a_variable_s_value_is_never_shown_whatever_key_it_is_wrong_for(
    problems: Complainer, key: str, value: str
) -> None:
    text = f"services:\n  shop:\n    checks: {{live: 'http://localhost:8080/'}}\n    {key}: {value}\n"
    if (key, value) in (("tags", '["${HOOK}"]'), ("logs", '"${HOOK}"')):
        text += "    wrong: here\n"  # they alone would be right

    assert SECRET not in problems(text, {"HOOK": SECRET})


def test_what_is_wrong_inside_a_refused_key_is_not_told(problems: Complainer) -> None:
    said = problems(SHOP + 'monitor: {proxy: "${NOT_SET}"}\n')

    assert "has 1 problem;" in said
    assert "monitor.proxy: not in this version" in said


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"\xff\xfe", "is not text"), (b" \n", "is empty"), (b"x" * 70_000, "is too large for a secret")],
    ids=["bytes", "white space", "a large file"],
)
def test_a_secret_file_that_holds_no_secret_is_told(
    tmp_path: Path, problems: Complainer, content: bytes, found: str
) -> None:
    (tmp_path / "hook").write_bytes(content)

    assert f"the file {found}" in problems(SHOP + HOOK + "    secret_file: hook\n")


def test_secrets_survive_a_copy(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(SHOP + HOOK + f"    secret: {SECRET}\n")

    found = load([tmp_path / "c.yaml"], {})

    assert found.model_copy(update={"warnings": ("x",)}).secrets() == found.secrets() == {SECRET}


@pytest.mark.parametrize("key", ["interval", "timeout", "max_body"])
def test_a_secret_of_digits_is_not_shown_by_the_remedy_either(problems: Complainer, key: str) -> None:
    check = f'{{http: "http://localhost:8080/", {key}: "${{PIN}}"}}'

    said = problems(SHOP.replace("http://localhost:8080/", check), {"PIN": "73519364"})

    assert "73519364" not in said
    assert "${PIN} has no unit" in said


BEAT = f"https://beat.example/{SECRET}"


@pytest.mark.parametrize(
    "written",
    [
        f'"{BEAT}"',
        '"${BEAT}"',
        f'{{url: "{BEAT}", every: 30s}}',
        '{url: "https://beat.example/${CODE}", every: 30s}',
        "{url_file: beat, every: 30s}",
    ],
)
def test_the_address_of_the_heartbeat_is_a_secret_wherever_it_comes_from(
    config: Reader, tmp_path: Path, written: str
) -> None:
    (tmp_path / "beat").write_text(f"{BEAT}\n")

    found = config(SHOP + f"monitor: {{heartbeat: {written}}}\n", {"BEAT": BEAT, "CODE": SECRET})

    assert found.monitor.heartbeat is not None
    assert found.monitor.heartbeat.url.get_secret_value() == BEAT
    assert found.monitor.heartbeat.every.total_seconds() == (30 if "every" in written else 60)
    assert BEAT in found.secrets()
    assert SECRET not in repr(found.monitor)
