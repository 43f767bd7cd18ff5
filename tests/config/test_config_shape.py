"""The shape as a whole: what is settled for later is refused today, and nothing of it is undocumented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from monitor.config import ConfigError, load
from monitor.config.document import read
from monitor.config.fields import NOT_YET, WHOLE_SHAPE, NotYet
from monitor.config.reading import Reading
from monitor.config.schema import json_schema
from monitor.config.shape import Root

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
ENVIRON = {"TOKEN": "t", "SLACK_TOKEN": "s"}
GIVEN = re.compile(r"`([^`]+)`")


def whole() -> Reading:
    file = HERE / "whole_shape.yaml"
    tree, problems = read(str(file), file.read_bytes())
    assert tree is not None
    assert problems == []
    return Reading(tree, ENVIRON)


def test_keys_of_a_later_version_are_refused_and_nothing_else_of_that_config_is() -> None:
    with pytest.raises(ConfigError) as caught:
        load([HERE / "whole_shape.yaml"], {})  # and what they would need of the environment is not asked for

    assert {problem.found for problem in caught.value.problems} == {NOT_YET}
    assert {problem.path for problem in caught.value.problems} == {
        "monitor.proxy",
    }


def test_the_shape_of_later_keys_is_settled_and_fits() -> None:
    root = Root.model_validate(whole().data(), context=WHOLE_SHAPE)

    assert root.sources is not None
    assert root.sources.loki is not None
    assert root.status_page is not None
    assert root.status_page.publish == "on approval"


def test_the_file_with_every_key_has_every_key() -> None:
    root = Root.model_validate(whole().data(), context=WHOLE_SHAPE)
    given = {f"{type(group).__name__}.{key}" for group in groups(root) for key in group.model_fields_set}

    assert {f"{model.__name__}.{key}" for model in models(Root) for key in model.model_fields} - given == {
        "Webhook.secret",  # it and secret_file exclude each other
        "Jira.token",
        "Github.token",
        "Pagerduty.routing_key",
        "Alertmanager.token",
        "Apprise.urls",
        "Statuspage.api_key",
        "Rotation.url",
        "Notion.token",
        "Slack.token",
        "Slack.signing_secret_file",
        "Notion.database",  # it and data_source exclude each other
        "Loki.token",
        "Tempo.token",
        "Grafana.token",
        "Heartbeat.url",
        "Hook.secret",
        "GrafanaHook.secret_file",
    }


def test_every_key_has_a_row_or_a_heading_in_the_documentation() -> None:
    text = (PROJECT / "docs" / "configuration.md").read_text()
    named = {word for words in GIVEN.findall(text) for word in re.split(r"[^a-z0-9_]+", words.lower())}

    keys = {field.alias or key for model in models(Root) for key, field in model.model_fields.items()}
    assert {key for key in keys if key.lower() not in named} == set()


def test_the_documentation_marks_exactly_the_keys_of_a_later_version() -> None:
    rows = [line for line in (PROJECT / "docs" / "configuration.md").read_text().splitlines() if line.startswith("| `")]
    marked = {GIVEN.findall(row)[0] for row in rows if "*not in this version*:" in row}
    later = {key for model in models(Root) if model is not Root for key in later_keys(model)}

    assert marked == later


def test_every_key_of_this_version_tells_editors_what_it_is_and_later_ones_that_they_are_later() -> None:
    marked = str(json_schema()).count("'x-not-in-this-version': True")

    assert marked == sum(len(later_keys(model)) for model in set(models(Root)))
    for model in models(Root):
        for key, field in model.model_fields.items():
            assert field.description or is_later(model, key), f"{model.__name__}.{key}"


def test_the_schema_knows_every_key_and_never_asks_for_null() -> None:
    schema = json_schema()

    assert set(schema["properties"]) == set(Root.model_fields)
    assert '"null"' not in str(schema).replace("'", '"')
    assert schema["patternProperties"] == {"^x-": {}}


def test_the_example_at_the_top_of_the_project_is_good() -> None:
    found = load([PROJECT / "config.yaml"], {})

    assert [check.id for check in found.all_checks()] == [
        "orders-service/live",
        "orders-service/ready",
        "payments-service/live",
        "otel-collector/health",
    ]
    assert found.warnings == ()


def test_the_commented_keys_of_the_example_are_good_too(tmp_path: Path) -> None:
    lines = (PROJECT / "config.yaml").read_text().splitlines()
    # A commented key is "# key: ..." with two more spaces for what stands under it.
    uncommented = [re.sub(r"^( *)# ((?:  )*[A-Za-z0-9_]+: ?)", r"\1\2", line) for line in lines]
    assert sum(a != b for a, b in zip(lines, uncommented, strict=True)) == 21
    (tmp_path / "config.yaml").write_text("\n".join(uncommented))
    (tmp_path / "secrets").mkdir()
    for name in re.findall(r"secrets/([\w-]+)", "\n".join(lines)):
        (tmp_path / "secrets" / name).write_text("s")

    found = load([tmp_path / "config.yaml"], {})

    assert found.sources.prometheus == "http://localhost:9090"
    assert found.services["orders-service"].traffic is not None
    assert len(found.monitor.online) == 2


def models(kind: Any) -> Iterator[type[BaseModel]]:
    """The model classes that are reached from *kind*, each group of keys once per place."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from models(field.annotation)
    elif get_origin(kind) in (Union, UnionType, dict, tuple):
        for inner in get_args(kind):
            yield from models(inner)


def groups(value: object) -> Iterator[BaseModel]:
    """The groups of keys in *value*, at any depth."""
    if isinstance(value, BaseModel):
        yield value
        for key in value.model_fields_set:
            yield from groups(getattr(value, key))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from groups(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from groups(inner)


def later_keys(model: type[BaseModel]) -> set[str]:
    return {key for key, field in model.model_fields.items() if any(isinstance(m, NotYet) for m in field.metadata)}


def is_later(model: type[BaseModel], key: str) -> bool:
    """Whether *key* is of a later version, itself or because its group is."""
    return key in later_keys(model) or model.__name__ in {
        "Pages", "Pagerduty", "StatusPage",
    }  # fmt: skip
