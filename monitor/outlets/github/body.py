"""An issue's body: ours between two unseen comments, the first of which holds our mark, and people's around them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final

from monitor.outlets.markup import github
from monitor.outlets.markup.text import fitted
from monitor.outlets.ticket import Mark

LIMIT: Final = 65_536
"""Characters of a body or a comment."""

_LEAST: Final = 1_000
"""Characters that must be left for our part; below that people's text has the place for itself."""

_BEGIN: Final = re.compile(r"<!-- watchkeeper (?P<mark>\{[^\n]*\}) -->\n?")
_END: Final = "<!-- watchkeeper end: what stands above and below is yours and is kept -->"
_CUT: Final = "\n\nCut here: there is no room for more. The whole is shown by: monitor incident show"


@dataclass(frozen=True, slots=True)
class Body:
    """
    Attributes:
        ours: What stands between our two comments.
    """

    above: str = ""
    ours: str = ""
    below: str = ""
    mark: Mark = field(default_factory=Mark)

    @classmethod
    def parse(cls, text: str) -> Body:
        text = text.replace("\r\n", "\n")  # as a browser sends what a person edited
        begin = _BEGIN.search(text)
        end = text.find(_END, begin.end()) if begin else -1
        mark = _mark_of(begin["mark"]) if begin else Mark()
        if begin is None or end < 0:
            # Someone removed a comment of ours. Better a part that stands there twice than a sentence that is lost.
            return cls(below="\n" + _BEGIN.sub("", text).replace(_END, ""), mark=mark)
        return cls(text[: begin.start()], text[begin.end() : end], text[end + len(_END) :], mark)

    def with_mark(self, mark: Mark) -> str:
        return self._text(self.ours, mark)

    def written(self, markdown: str, mark: Mark) -> str | None:
        """None where people left no room for us."""
        room = LIMIT - len(self._text(_CUT + "\n\n\n", mark))
        if room < _LEAST:
            return None
        ours = fitted(markdown, github.from_markdown, len, room)
        return self._text(f"\n{ours.value.strip()}{_CUT if ours.was_cut else ''}\n\n", mark)

    def _text(self, ours: str, mark: Mark) -> str:
        # Two hyphens would end the comment.
        kept = json.dumps(mark.as_json()).replace("--", "-\\u002d").replace(">", "\\u003e")
        return f"{self.above}<!-- watchkeeper {kept} -->\n{ours}{_END}{self.below}"


def comment(text: str, signature: str) -> str:
    hidden = f"\n\n<!-- {signature} -->"
    said = fitted(text, github.from_lines, len, LIMIT - len(hidden) - len(_CUT))
    return f"{said.value}{_CUT if said.was_cut else ''}{hidden}"


def _mark_of(text: str) -> Mark:
    try:
        return Mark.from_json(json.loads(text))
    except ValueError:
        return Mark()
