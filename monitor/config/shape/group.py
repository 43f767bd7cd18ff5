"""What a group of keys is."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class Shape(BaseModel):
    """A group of keys. With `SHORTHAND` set, a single value in its place stands for that key alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    SHORTHAND: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, value: Any) -> Any:
        return {cls.SHORTHAND: value} if cls.SHORTHAND and isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        spelled_out = handler.resolve_ref_schema(handler(schema))
        # The docstrings of these classes speak to those who read this file, not to those who write a config.
        spelled_out.pop("description", None)
        if not cls.SHORTHAND:
            return spelled_out
        return {"anyOf": [{"type": "string"}, spelled_out]}
