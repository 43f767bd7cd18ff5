"""What a check tells by itself, and when."""

from __future__ import annotations

from monitor.config.fields import CronText, Line, PushToken, SecondOrMore, TimeZone
from monitor.config.shape.group import Shape


class Push(Shape):
    SHORTHAND = "every"
    every: SecondOrMore | None = None
    """It pushes at least so often, for example 1h."""
    cron: CronText | None = None
    """Instead of `every`: when it runs, as in a crontab: "15 3 * * *", or a word like @daily."""
    time_zone: TimeZone | None = None
    """With `cron`: whose clock. Default `monitor.time_zone`."""
    grace: SecondOrMore | None = None
    """How late a push may be, and how long a run may take. Default 5m."""
    token: PushToken | None = None
    """What makes its address secret, for example ${TOKEN}. Default: derived from the daemon's own token."""
    token_file: Line | None = None
    """File that holds the token."""
