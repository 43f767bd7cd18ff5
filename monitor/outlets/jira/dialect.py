"""
What Cloud and Data Center do differently: the form of a text, and the search. In both the description is ours between
two lines and people's outside of them. They are lines that can be read, since neither has comments that cannot be seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Protocol

from monitor.outlets.markup import adf, wiki
from monitor.outlets.markup.text import fitted
from monitor.outlets.rest import Talk

LIMIT: Final = 32_767
"""Characters of a description or a comment."""

_LEAST: Final = 1_000
"""Characters that must be left for our part; below that people's text has the place for itself."""

BEGIN: Final = "Watchkeeper writes from here to its last line. What stands above or below is yours and is kept."
END: Final = "Here ends what Watchkeeper writes."
CUT: Final = "Cut here: there is no room for more. The whole is shown by: monitor incident show"


class Dialect(Protocol):
    root: str

    def description(self, markdown: str, found: Any) -> Any:
        """With what people wrote in *found*, which is None of a new ticket; None where they left no room for us."""
        ...

    def notes(self, markdown: str) -> Any:
        """What is to stand below our part of a new ticket, as *found*."""
        ...

    def comment(self, text: str, signature: str) -> Any: ...

    def holds(self, comment: Any, signature: str) -> bool: ...

    def search(self, talk: Talk, jql: str) -> list[Mapping[str, Any]]: ...


class Cloud:
    """REST v3, whose texts are documents (ADF)."""

    root = "/rest/api/3"

    def description(self, markdown: str, found: Any) -> Any:
        above, below = _around(found)
        room = LIMIT - adf.size(adf.document([*above, *below]))
        if room < _LEAST:
            return None
        ours = fitted(markdown, _part, adf.size, room - adf.size(adf.from_lines(CUT)))
        *part, last = ours.value
        return adf.document([*above, *part, *(adf.from_lines(CUT) if ours.was_cut else ()), last, *below])

    def notes(self, markdown: str) -> Any:
        return adf.document(adf.from_markdown(markdown))

    def comment(self, text: str, signature: str) -> Any:
        last = [adf.paragraph([adf.marked(signature, "code")])]
        ours = fitted(text, adf.from_lines, adf.size, LIMIT - adf.size(adf.document([*last, *adf.from_lines(CUT)])))
        return adf.document([*ours.value, *(adf.from_lines(CUT) if ours.was_cut else ()), *last])

    def holds(self, comment: Any, signature: str) -> bool:
        return isinstance(comment, dict) and signature in adf.text_of(comment)

    def search(self, talk: Talk, jql: str) -> list[Mapping[str, Any]]:
        # The one that gave totals and pages by number was taken away.
        asked = {"jql": jql, "fields": ["status"], "maxResults": 50}
        return list(talk.search(f"{self.root}/search/jql", asked)["issues"])


class DataCenter:
    """REST v2, whose texts are wiki markup."""

    root = "/rest/api/2"

    def description(self, markdown: str, found: Any) -> Any:
        above, below = _around_lines(str(found or ""))
        room = LIMIT - len(above) - len(below) - len(BEGIN) - len(END) - len(CUT) - 20
        if room < _LEAST:
            return None
        ours = fitted(markdown, wiki.from_markdown, len, room)
        cut = f"\n\n{wiki.escaped(CUT)}" if ours.was_cut else ""
        return f"{above}{BEGIN}\n\n{ours.value}{cut}\n\n{END}{below}"

    def notes(self, markdown: str) -> Any:
        return wiki.from_markdown(markdown)

    def comment(self, text: str, signature: str) -> Any:
        ours = fitted(text, wiki.from_lines, len, LIMIT - len(signature) - len(CUT) - 20)
        cut = f"\n{wiki.escaped(CUT)}" if ours.was_cut else ""
        return f"{ours.value}{cut}\n{{{{{signature}}}}}"

    def holds(self, comment: Any, signature: str) -> bool:
        return signature in str(comment)

    def search(self, talk: Talk, jql: str) -> list[Mapping[str, Any]]:
        asked = {"jql": jql, "fields": ["status"], "maxResults": 50, "startAt": 0}
        return list(talk.search(f"{self.root}/search", asked)["issues"])


def _part(markdown: str) -> list[adf.Node]:
    line = partial(adf.marked)
    return [
        adf.paragraph([line(BEGIN, "em")]),
        *adf.from_markdown(markdown),
        adf.paragraph([line(END, "em")]),
    ]


def _around(found: Any) -> tuple[list[adf.Node], list[adf.Node]]:
    """What people wrote above and below. Without both our lines all of it is theirs: better twice than lost."""
    content = found.get("content") if isinstance(found, dict) else None
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    lines = [adf.text_of(block).strip() if block.get("type") == "paragraph" else "" for block in blocks]
    if (part := _ours(lines)) is not None:
        return blocks[: part.start], blocks[part.stop :]
    return [], [block for block, line in zip(blocks, lines, strict=True) if line not in (BEGIN, END)]


def _around_lines(found: str) -> tuple[str, str]:
    lines = found.replace("\r\n", "\n").split("\n") if found else []
    bare = [line.strip() for line in lines]
    if (part := _ours(bare)) is not None:
        above, below = lines[: part.start], lines[part.stop :]
    else:
        above, below = [], [line for line, words in zip(lines, bare, strict=True) if words not in (BEGIN, END)]
    return "".join(f"{line}\n" for line in above), "".join(f"\n{line}" for line in below)


def _ours(lines: list[str]) -> slice | None:
    """From the first line of ours to the last, whatever a target made us write in between."""
    if BEGIN not in lines or END not in lines[lines.index(BEGIN) :]:
        return None
    return slice(lines.index(BEGIN), len(lines) - lines[::-1].index(END))
