"""A datagram, and what must come back."""

from __future__ import annotations

from monitor.config.fields import Hex, HostPort, RawText, Regex
from monitor.config.shape.group import Shape


class Udp(Shape):
    target: HostPort
    """HOST:PORT that must answer."""
    send: RawText | None = None
    """The datagram, as it is written: "status\\n"."""
    send_hex: Hex | None = None
    """Instead of `send`: its bytes in hexadecimal digits."""
    expect: Regex | None = None
    """A regular expression that the answer must match. Default: any answer will do."""
    expect_hex: Hex | None = None
    """The bytes that the answer must begin with, in hexadecimal digits."""
