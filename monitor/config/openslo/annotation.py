"""
What our objectives say beyond OpenSLO: annotations of an SLO or its indicator, so that what is written is read back
as it was. Other programs pass over them, and ask the queries that stand beside them.
"""

from __future__ import annotations

from typing import Final

NAME: Final = "watchkeeper/name"
"""What the objective is called here: `metadata.name` knows no capitals, dots and underscores."""

SLI: Final = "watchkeeper/sli"
"""`success` or `latency`, of the service's own probes; `sloth`, of what sloth recorded."""

CHECK: Final = "watchkeeper/check"
"""Of this check's probes alone."""

UNDER: Final = "watchkeeper/under"
"""With latency: what counts as fast."""

HISTOGRAM: Final = "watchkeeper/histogram"
"""With latency: of the requests that this histogram counts, and not of probes."""

WINDOW: Final = "watchkeeper/window"
"""What the window stands for in a query, when a minute is asked for."""

RECORDED: Final = "watchkeeper/recorded"
"""With sloth: the labels of its rules."""

OF_INDICATOR: Final = {
    SLI: "sli",
    CHECK: "check",
    UNDER: "under",
    HISTOGRAM: "histogram",
    WINDOW: "window",
    RECORDED: "recorded",
}
ALL: Final = (NAME, *OF_INDICATOR)
