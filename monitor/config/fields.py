"""The kinds of value that keys of the config have: each a parser of `values.py` and what an editor may know of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    SecretStr,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from monitor.config import asked, conditions, figures, moments, places, values
from monitor.config.problems import Wrong
from monitor.core.maintenance import Weekly
from monitor.core.period import CALENDAR_UNITS, CalendarUnit

_INTERPOLATED = r"\$\{"


def _written(pattern: str, **more: object) -> dict[str, Any]:
    """JSON Schema of text that has a form, or is filled from the environment."""
    return {"type": "string", "pattern": f"^({pattern})$|{_INTERPOLATED}", **more}


def _seconds(low: str, high: str = "") -> Callable[[object], timedelta]:
    parse = values.duration(timedelta(0))
    return values.duration(parse(low), parse(high) if high else values.LONGEST)


_DURATION = _written(values.DURATION, examples=["30s", "15m", "1h30m", "48h", "35d"])
_STATUS = {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, _written(r"[1-5][xX]{2}|\d{3}(-\d{3})?")]}

Text = Annotated[str, PlainValidator(values.text), WithJsonSchema({"type": "string"})]
Line = Annotated[str, PlainValidator(values.line), WithJsonSchema({"type": ["string", "number"]})]
Label = Annotated[str, PlainValidator(values.label), WithJsonSchema({"type": "string", "pattern": r"^\S+$"})]
NotionId = Annotated[str, PlainValidator(values.notion_id), WithJsonSchema({"type": "string"})]
Repository = Annotated[str, PlainValidator(values.repository), WithJsonSchema(_written(values.REPOSITORY))]
SlackChannel = Annotated[str, PlainValidator(values.slack_channel), WithJsonSchema(_written(values.SLACK_CHANNEL))]
Name = Annotated[str, PlainValidator(values.name), WithJsonSchema({"type": "string", "pattern": f"^{values.NAME}$"})]
Switch = Annotated[bool, PlainValidator(values.switch), WithJsonSchema({"type": "boolean"})]
Url = Annotated[str, PlainValidator(places.url), WithJsonSchema(_written("https?://.+"))]
WebSocketUrl = Annotated[str, PlainValidator(places.websocket_url), WithJsonSchema(_written("wss?://.+"))]
Address = Annotated[places.Listen, PlainValidator(places.listen), WithJsonSchema(_written(r".+:\d+"))]
HostPort = Annotated[places.Listen, PlainValidator(places.host_port), WithJsonSchema(_written(r".+:\d+"))]
Target = Annotated[tuple[str, int | None], PlainValidator(places.target), WithJsonSchema(_written(".+"))]
Host = Annotated[str, PlainValidator(places.host), WithJsonSchema({"type": "string"})]
Hex = Annotated[bytes, PlainValidator(values.hexadecimal), WithJsonSchema(_written(r"([0-9A-Fa-f]{2}\s*)+"))]
Subprotocol = Annotated[str, PlainValidator(asked.subprotocol), WithJsonSchema({"type": "string"})]
_SCOPE = {"type": "string", "pattern": r"^\S+$"}
Scopes = Annotated[
    tuple[Annotated[str, PlainValidator(asked.scope)], ...],
    BeforeValidator(values.one_or_more),
    WithJsonSchema({"anyOf": [_SCOPE, {"type": "array", "items": _SCOPE, "minItems": 1}]}),
]
Regex = Annotated[str, PlainValidator(values.regex), WithJsonSchema({"type": "string", "format": "regex"})]
Command = Annotated[
    tuple[str, ...],
    PlainValidator(asked.command),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
Variable = Annotated[str, PlainValidator(asked.variable), WithJsonSchema({"type": "string"})]
Comparison = Annotated[
    tuple[str, float],
    PlainValidator(figures.limit),
    WithJsonSchema(_written(r"(>=|<=|>|<) ?[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", examples=["> 0.05", "<= 100"])),
]
HttpVersion = Annotated[
    str,
    PlainValidator(values.choice("1.1", "2", "3")),
    WithJsonSchema({"anyOf": [{"enum": [1.1, 2, 3]}, _written(r"1\.1|2|3")]}),
]
Groups = Annotated[str, PlainValidator(asked.groups), WithJsonSchema({"type": "string", "examples": ["X25519:P-256"]})]
DomainName = Annotated[str, PlainValidator(places.domain_name), WithJsonSchema({"type": "string"})]
RawText = Annotated[str, PlainValidator(values.raw_text), WithJsonSchema({"type": "string"})]
TimeZone = Annotated[str, PlainValidator(values.time_zone), WithJsonSchema({"type": "string"})]
Day = Annotated[date, PlainValidator(values.day), WithJsonSchema({"type": "string", "format": "date"})]
Size = Annotated[int, PlainValidator(values.size(1, 16 * 1024**2)), WithJsonSchema(_written(values.SIZE))]
Method = Annotated[str, PlainValidator(asked.method), WithJsonSchema(_written("|".join(asked.METHODS)))]
Redirects = Annotated[
    int,
    PlainValidator(asked.redirects),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 0, "maximum": 50}]}),
]
Statuses = Annotated[
    tuple[Annotated[tuple[int, int], PlainValidator(asked.statuses)], ...],
    BeforeValidator(values.listed),
    WithJsonSchema({"anyOf": [_STATUS, {"type": "array", "items": _STATUS, "minItems": 1}]}),
]
_CONDITION = {
    "type": "string",
    "examples": ["[STATUS] == 200", "[BODY].status == ok", "[RESPONSE_TIME] < 500ms", "[CERTIFICATE_EXPIRATION] > 14d"],
}
Conditions = Annotated[
    tuple[Annotated[str, PlainValidator(conditions.condition)], ...],
    BeforeValidator(conditions.several),
    WithJsonSchema({"anyOf": [_CONDITION, {"type": "array", "items": _CONDITION, "minItems": 1}]}),
]
StepName = Annotated[
    str, PlainValidator(asked.step_name), WithJsonSchema({"type": "string", "pattern": f"^({asked.STEP_NAME})$"})
]
TakenFrom = Annotated[
    str,
    PlainValidator(conditions.taken_from),
    WithJsonSchema(_written(r"\[(STATUS|BODY|HEADERS|COOKIES)\].*", examples=["[BODY].access_token"])),
]
HeaderName = Annotated[str, PlainValidator(asked.header_name), WithJsonSchema({"type": "string"})]
HeaderValue = Annotated[str, PlainValidator(asked.header_value), WithJsonSchema({"type": ["string", "number"]})]
Share = Annotated[
    float,
    PlainValidator(figures.objective),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, _written(r"[\d.]+ ?%")]}
    ),
]
_COMPARISON = r"(>=|<=|>|<) ?\d+(\.\d+)?"
ShareComparison = Annotated[
    tuple[str, float],
    PlainValidator(figures.comparison(share=True)),
    WithJsonSchema(_written(_COMPARISON + " ?%?", examples=[">= 50%", "> 0%"])),
]
NumberComparison = Annotated[
    tuple[str, float],
    PlainValidator(figures.comparison(share=False)),
    WithJsonSchema(_written(_COMPARISON, examples=[">= 14.4", ">= 1"])),
]

Duration = Annotated[timedelta, PlainValidator(values.duration()), WithJsonSchema(_DURATION)]
Interval = Annotated[timedelta, PlainValidator(_seconds("1s", "24h")), WithJsonSchema(_DURATION)]
MinuteToHour = Annotated[timedelta, PlainValidator(_seconds("1m", "1h")), WithJsonSchema(_DURATION)]
MinuteToDay = Annotated[timedelta, PlainValidator(_seconds("1m", "1d")), WithJsonSchema(_DURATION)]
Always = Annotated[str, PlainValidator(values.always), WithJsonSchema({"const": "always"})]
SecondToHour = Annotated[timedelta, PlainValidator(_seconds("1s", "1h")), WithJsonSchema(_DURATION)]
SecondOrMore = Annotated[timedelta, PlainValidator(_seconds("1s")), WithJsonSchema(_DURATION)]
Wait = Annotated[timedelta, PlainValidator(_seconds("0s")), WithJsonSchema(_DURATION)]


def _slo_period(value: object) -> timedelta | CalendarUnit:
    for unit in CALENDAR_UNITS:
        if value == unit:
            return unit
    if isinstance(value, str) and value.strip().isalpha():
        values.choice(*CALENDAR_UNITS)(value)
    return _seconds("1d", "90d")(value)


SloPeriod = Annotated[
    timedelta | CalendarUnit,
    PlainValidator(_slo_period),
    WithJsonSchema({"anyOf": [{"enum": list(CALENDAR_UNITS)}, _DURATION]}),
]
SliceTarget = Annotated[
    float,
    PlainValidator(figures.slice_target),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1}, _written(r"[\d.]+ ?%")]}),
]
Weight = Annotated[float, PlainValidator(figures.weight), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]


class OnChange:
    """`update_every: on change`: no grid, an update whenever something changed."""

    def __repr__(self) -> str:
        return "on change"


ON_CHANGE = OnChange()


def _cadence(value: object) -> timedelta | OnChange:
    if value == "on change":
        return ON_CHANGE
    return _seconds("1s")(value)


Cadence = Annotated[
    timedelta | OnChange,
    PlainValidator(_cadence),
    WithJsonSchema({"anyOf": [{"const": "on change"}, _DURATION]}),
]
Attempts = Annotated[
    int, PlainValidator(values.count(1, 5)), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 5})
]


def _secret(value: object) -> SecretStr:
    return SecretStr(values.text(value).strip())


def _push_token(value: object) -> SecretStr:
    return SecretStr(values.push_token(value))


PushToken = Annotated[SecretStr, PlainValidator(_push_token), WithJsonSchema({"type": "string", "format": "password"})]
CronText = Annotated[
    str, PlainValidator(values.cron), WithJsonSchema({"type": "string", "examples": ["15 3 * * *", "@daily"]})
]
WeeklySpan = Annotated[
    tuple[str, Weekly],
    PlainValidator(moments.weekly),
    WithJsonSchema({"type": "string", "examples": ["Sun 02:00-04:00", "Mon-Fri 22:00-02:00"]}),
]
Moment = Annotated[
    datetime,
    PlainValidator(moments.moment),
    WithJsonSchema({"type": "string", "examples": ["2026-12-01 22:00", "2026-12-01T22:00Z"]}),
]
MinuteToYear = Annotated[timedelta, PlainValidator(_seconds("1m", "365d")), WithJsonSchema(_DURATION)]
Secret = Annotated[SecretStr, PlainValidator(_secret), WithJsonSchema({"type": "string", "format": "password"})]


def _secret_url(value: object) -> SecretStr:
    return SecretStr(places.url(value))


SecretUrl = Annotated[SecretStr, PlainValidator(_secret_url), WithJsonSchema(_written("https?://.+"))]


def word(*options: str) -> tuple[PlainValidator, WithJsonSchema]:
    """For a key that takes one of a few words: `Annotated[str, *word("auto", "suggest")]`."""
    return PlainValidator(values.choice(*options)), WithJsonSchema(_written("|".join(options), examples=list(options)))


class NotYet:
    """
    Marks a key whose shape is settled and whose capability is not in this version.

    Given in a file it is refused, whatever it holds. Validated with the context `WHOLE_SHAPE` it is taken, which is
    how a test proves that the shape fits.
    """

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_before_validator_function(_refuse, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"description": "Not in this version.", "x-not-in-this-version": True, "allOf": [handler(schema)]}


WHOLE_SHAPE = "whole shape"
NOT_YET = "not in this version"


def _refuse(value: object, info: core_schema.ValidationInfo) -> object:
    if info.context == WHOLE_SHAPE:
        return value
    raise Wrong(NOT_YET, "Remove it; what it will do is described in docs/configuration.md.")
