"""From the text of one side of a comparison to what it means."""

from __future__ import annotations

import re
from typing import Final

from checks.conditions.facts import Placeholder
from checks.conditions.fault import ConditionError
from checks.conditions.matching import compiled
from checks.conditions.operands import AnyOf, Function, Glob, Literal, Operand, Reading, Regex
from checks.conditions.paths import Path, parse_path
from checks.conditions.scanner import Piece

_PLACEHOLDER: Final = re.compile(r"\[[A-Za-z_]+\]")
_KNOWN: Final = {str(placeholder): placeholder for placeholder in Placeholder}
_CALL: Final = re.compile(r"(len|has|pat|regex|any)\(")
_CALL_IN_CAPITALS: Final = re.compile(r"(len|has|pat|regex|any)\(.*\)", re.IGNORECASE | re.DOTALL)
_HEADER: Final = re.compile(r"\.([A-Za-z0-9!#$%&'*+.^_`|~-]+)")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)
_OPTION: Final = re.compile(r"\s*(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^,]*?)\s*(?:,|\Z)", re.DOTALL)
_COMPLAINTS: Final = (
    "missing ), unterminated subpattern", "unterminated character set", "unbalanced parenthesis", "nothing to repeat",
    "multiple repeat", "bad character range", "bad escape", "unknown extension", "invalid group reference",
    "min repeat greater than max repeat", "look-behind requires fixed-width pattern",
)  # fmt: skip


def operand(piece: Piece) -> Operand:
    """Raises ConditionError."""
    text = piece.text
    if _QUOTED.fullmatch(text):
        return Literal(text, unquoted(text), quoted=True)
    call = _CALL.match(text)
    if call is not None:
        return _called(call[1], Piece(text[call.end() : -1], piece.start + call.end()), piece)
    if _PLACEHOLDER.match(text):
        return _reading(piece, piece.text)
    return _bare(piece)


def unquoted(text: str) -> str:
    return _ESCAPE.sub(r"\1", text[1:-1])


def _called(name: str, argument: Piece, whole: Piece) -> Operand:
    match name:
        case "pat":
            return Glob(whole.text, tuple(_pattern(argument).split("*")))
        case "regex":
            return _regex(argument, whole)
        case "any":
            return AnyOf(whole.text, _options(argument))
        case _:
            inner = Piece(argument.text.strip(), argument.start + len(argument.text) - len(argument.text.lstrip()))
            if not _PLACEHOLDER.match(inner.text):
                fix = f"Write what it is of: {name}([BODY].items)."
                raise ConditionError("there is no placeholder in it", fix, whole.start, whole.end)
            return _reading(inner, whole.text, Function(name))


def _pattern(argument: Piece) -> str:
    stripped = argument.text.strip()
    return unquoted(stripped) if _QUOTED.fullmatch(stripped) else argument.text


def _regex(argument: Piece, whole: Piece) -> Regex:
    pattern = _pattern(argument)
    try:
        compiled(pattern)
    except re.error as error:
        place = argument.start + error.pos if error.pos is not None and pattern == argument.text else argument.start
        end = place + 1 if pattern == argument.text else argument.end
        found = f"not a regular expression: {_own_words(error.msg)}"
        fix = "Put a backslash before a character that is meant as itself."
        raise ConditionError(found, fix, min(place, whole.end - 1), end) from None
    except (OverflowError, RecursionError):
        raise ConditionError(
            "a regular expression that is too large", "Repeat less.", argument.start, argument.end
        ) from None
    return Regex(whole.text, pattern)


def _own_words(message: str) -> str:
    """What the compiler says, without what it quotes of the pattern."""
    return next((words for words in _COMPLAINTS if message.startswith(words)), "it cannot be read")


def _options(argument: Piece) -> tuple[Literal, ...]:
    options: list[Literal] = []
    place = 0
    text = argument.text
    while place <= len(text):
        found = _OPTION.match(text, place)
        assert found is not None  # its last alternative takes anything
        at = Piece(found[1], argument.start + found.start(1))
        if not at.text:
            fix = 'Write what is between the commas; nothing is "".'
            raise ConditionError("an option of any() is empty", fix, at.start, at.start + 1)
        options.append(_option(at))
        place = found.end()
        if not found[0].endswith(",") or place > len(text):
            break
    return tuple(options)


def _option(piece: Piece) -> Literal:
    if _QUOTED.fullmatch(piece.text):
        return Literal(piece.text, unquoted(piece.text), quoted=True)
    if piece.text.startswith(("'", '"')):
        raise ConditionError("text goes on after its closing quote", "Put all of it in quotes.", piece.start, piece.end)
    if _CALL_IN_CAPITALS.fullmatch(piece.text) or _PLACEHOLDER.match(piece.text):
        fix = "Join comparisons with or; put text that looks so in quotes."
        raise ConditionError("any() takes fixed values only", fix, piece.start, piece.end)
    return _bare(piece)


def _bare(piece: Piece) -> Literal:
    text = piece.text
    if _CALL_IN_CAPITALS.fullmatch(text):
        fix = "Write the function in lower case, or put the text in quotes."
        raise ConditionError("a function in capital letters", fix, piece.start, piece.end)
    for found in _PLACEHOLDER.finditer(text):
        if found[0].upper() in _KNOWN:
            start, end = piece.start + found.start(), piece.start + found.end()
            fix = "Let it stand alone on its side; put text that looks so in quotes."
            raise ConditionError("a placeholder in the middle of text", fix, start, end)
    return Literal(text, text)


def _reading(piece: Piece, source: str, function: Function | None = None) -> Reading:
    found = _PLACEHOLDER.match(piece.text)
    assert found is not None
    start, end = piece.start, piece.start + found.end()
    placeholder = _KNOWN.get(found[0].upper())
    if found[0].upper() == "[CONTEXT]":
        fix = (
            "Compare with a fixed value: [CONTEXT] is of gatus' suites, and a check knows nothing of another's answer."
        )
        raise ConditionError("there is no context between checks", fix, start, end)
    if placeholder is None:
        fix = f"Known here: {', '.join(_KNOWN)}. Put text that looks so in quotes."
        raise ConditionError("there is no such placeholder", fix, start, end, tuple(_KNOWN))
    path = _path(placeholder, Piece(piece.text[found.end() :], end))
    return Reading(source, placeholder, path, function, (start, end))


def _path(placeholder: Placeholder, rest: Piece) -> Path:
    if placeholder is Placeholder.BODY:
        return parse_path(rest.text, rest.start)
    if placeholder is Placeholder.HEADERS:
        header = _HEADER.fullmatch(rest.text)
        if header is None:
            fix = "Write [HEADERS].NAME, for example [HEADERS].content-type."
            raise ConditionError("the name of a header is missing", fix, rest.start, rest.end)
        return (header[1].lower(),)
    if rest.text:
        fix = "Compare it as it is; only [BODY] and [HEADERS] have something inside."
        raise ConditionError("nothing follows this placeholder", fix, rest.start, rest.end)
    return ()
