"""The JSON Schema of the config, for editors: the whole shape, keys of a later version marked as such."""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from checks.kinds import kind
from checks.plugged import Plug, plugs
from checks.unusable import Unusable
from monitor.config.shape import Root

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    schema = Root.model_json_schema(schema_generator=_Generator)
    # A place for YAML anchors, as in compose files.
    schema["patternProperties"] = {"^x-": {}}
    check = schema["$defs"]["CheckShape"]["anyOf"][1]["properties"]
    for name, plug in sorted(plugs().items()):
        check.setdefault(name, _plugged(plug))
    return {"$schema": DIALECT, **schema, "title": "Watchkeeper configuration"}


def _plugged(plug: Plug) -> JsonSchemaValue:
    """Which keys there are; what they hold the package itself knows."""
    try:
        fields = dict.fromkeys((field.name for field in dataclasses.fields(kind(plug.name).question)), True)
        keys: JsonSchemaValue = {"type": "object", "properties": fields, "additionalProperties": False}
    except Unusable:
        keys = {"type": "object"}
    return {"description": f"Plugged in by {' and '.join(plug.packages)}.", "anyOf": [{"type": "string"}, keys]}


class _Generator(GenerateJsonSchema):
    """Says what a file may hold: a key is there with a value or not there, and never null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, _schema: Any) -> bool:
        return False
