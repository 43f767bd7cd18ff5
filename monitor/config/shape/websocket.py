"""A WebSocket that must open."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from monitor.config import values
from monitor.config.fields import Subprotocol, WebSocketUrl
from monitor.config.shape.group import Shape

Subprotocols = Annotated[
    tuple[Subprotocol, ...],
    BeforeValidator(values.one_or_more),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]


class WebSocket(Shape):
    SHORTHAND = "url"
    url: WebSocketUrl
    """The address that must open, ws or wss."""
    subprotocols: Subprotocols | None = None
    """Offered, one or a list; the server must choose one of them."""
