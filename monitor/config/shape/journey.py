"""One step of a journey: a request, and what of its answer the steps after it are given."""

from __future__ import annotations

from monitor.config.fields import Duration, Regex, StepName, Switch, TakenFrom, Url
from monitor.config.shape.group import Shape
from monitor.config.shape.http import HttpShape


class Take(Shape):
    SHORTHAND = "of"
    of: TakenFrom
    """Where it stands in the answer: [BODY].access_token, [HEADERS].location, [COOKIES].session, [STATUS]."""
    regex: Regex | None = None
    """A regular expression that is searched there; its first group is taken, or all that it matched."""
    secret: Switch | None = None
    """false: it may be shown in what is told of a failure. Default true."""


class JourneyStep(HttpShape):
    name: StepName
    """What it is called: in what is told of it, and where its values are named."""
    http: Url
    """The URL to ask. A value of an earlier step stands in its path or query: https://shop.example/orders/{{order.id}}."""
    take: dict[StepName, Take] | None = None
    """What later steps may name as {{STEP.NAME}}. What is not there fails the step."""
    timeout: Duration | None = None
    """Of this step alone. Default: what is left of the check's."""
    always: Switch | None = None
    """true: it is asked though an earlier step failed, as it cleans up. Default false."""
