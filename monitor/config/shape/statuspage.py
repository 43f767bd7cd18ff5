"""A page of Atlassian Statuspage."""

from __future__ import annotations

from pydantic import ConfigDict

from monitor.config.fields import Line, Name, Secret, Url
from monitor.config.shape.group import Shape


class Statuspage(Shape):
    # As in SloShape: rules say what is missing.
    model_config = ConfigDict(json_schema_extra={"required": ["page"]})

    page: Line | None = None
    """The id of the page."""
    api_key: Secret | None = None
    """API key of a user of the page."""
    api_key_file: Line | None = None
    """File that holds the key."""
    components: dict[Name, Line] | None = None
    """Service: the id of its component on the page, whose status follows the incident."""
    url: Url | None = None
    """Of the API. Default https://api.statuspage.io."""
