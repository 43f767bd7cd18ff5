"""The page and the feed of what was published: text that somebody wrote stands there as it was written. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from monitor.outlets.status.board import GENERATOR, KEPT_FOR, OVER, Board, Shown, Text

_FEED_TEXTS: Final = 100
_STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --muted: #767676; --good: #1a7f37; --bad: #b35900;
  --good-wash: #1a7f371f; --bad-wash: #b359001f; }
@media (prefers-color-scheme: dark) { :root { --muted: #999; --good: #3fb950; --bad: #f0883e; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 44rem; padding: 1.5rem 1rem 3rem;
  overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; }
.now { border-left: .4rem solid var(--good); padding: .6rem .9rem; background: var(--good-wash); }
.now.bad { border-color: var(--bad); background: var(--bad-wash); }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; margin: .8rem 0; }
.what, time, footer { color: var(--muted); font-size: .875rem; }
.text { margin: .7rem 0 0; }
.text p { margin: .15rem 0 0; }
ul { list-style: none; margin: 0; padding: 0; }
li { display: flex; justify-content: space-between; gap: 1rem; padding: .3rem 0; border-bottom: 1px solid var(--line); }
.stage { font-weight: 600; text-transform: capitalize; }
""".strip()


def page(board: Board, now: datetime) -> str:
    live = [one for one in board.incidents if not one.is_over]
    over = [one for one in board.incidents if one.is_over]
    count = "1 incident" if len(live) == 1 else f"{len(live)} incidents"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta name="generator" content="{GENERATOR}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # Nothing is loaded and nothing runs, should a text ever be more than text.
            """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
            "<title>Status</title>",
            '<link rel="alternate" type="application/rss+xml" title="Status" href="feed.rss">',
            f"<style>\n{_STYLE}\n</style>",
            "</head>",
            "<body>",
            "<h1>Status</h1>",
            f'<p class="now bad">{count}</p>' if live else '<p class="now">No known incidents</p>',
            *map(_article, live),
            *(["<h2>Services</h2>", "<ul>", *map(_service, board.services.items()), "</ul>"] if board.services else []),
            *([f"<h2>Last {KEPT_FOR.days} days</h2>", *map(_article, over)] if over else []),
            f'<footer>Updated {_time(now)} · <a href="feed.rss">feed</a> · <a href="status.json">JSON</a></footer>',
            "</body>",
            "</html>",
            "",
        ]
    )


def feed(board: Board, now: datetime, url: str) -> str:
    """RSS 2.0. *url*: where people find the page; empty when nobody said so."""
    texts = sorted(
        ((one, text) for one in board.incidents for text in one.texts), key=lambda pair: pair[1].at, reverse=True
    )
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<rss version="2.0">',
            "<channel>",
            "<title>Status</title>",
            f"<link>{html.escape(url or 'index.html')}</link>",
            "<description>Incidents and what is done about them</description>",
            f"<generator>{GENERATOR}</generator>",
            f"<lastBuildDate>{format_datetime(now.astimezone(UTC), usegmt=True)}</lastBuildDate>",
            *(_item(one, text, url) for one, text in texts[:_FEED_TEXTS]),
            "</channel>",
            "</rss>",
            "",
        ]
    )


def _service(named: tuple[str, str]) -> str:
    name, stage = named
    words = "no known incident" if stage == OVER else stage
    return f'<li>{html.escape(name)} <span class="stage">{html.escape(words)}</span></li>'


def _article(shown: Shown) -> str:
    services = f'<p class="what">{html.escape(", ".join(shown.services))}</p>' if shown.services else ""
    return f"<article>\n<h3>{html.escape(shown.title)}</h3>\n{services}\n{_texts(shown.texts)}\n</article>"


def _texts(texts: Iterable[Text]) -> str:
    return "\n".join(
        f'<div class="text"><span class="stage">{html.escape(one.stage)}</span> {_time(one.at)}\n'
        f"{_paragraphs(one.text)}</div>"
        for one in texts
    )


def _paragraphs(text: str) -> str:
    parts = [part.strip("\n") for part in text.split("\n\n")]
    return "\n".join(f"<p>{html.escape(part).replace(chr(10), '<br>')}</p>" for part in parts if part)


def _time(at: datetime) -> str:
    stated = at.astimezone(UTC)
    return f'<time datetime="{stated:%Y-%m-%dT%H:%M:%SZ}">{stated:%Y-%m-%d %H:%M} UTC</time>'


def _item(shown: Shown, text: Text, url: str) -> str:
    link = f"<link>{html.escape(url)}</link>" if url else ""
    # Readers show a description as HTML: escaped once for that, and once more for the XML around it.
    body = html.escape(_paragraphs(text.text))
    return (
        f"<item><title>{html.escape(text.stage.capitalize())}: {html.escape(shown.title)}</title>{link}"
        f'<guid isPermaLink="false">{html.escape(shown.incident)}/{text.number}/{text.at.timestamp():.0f}</guid>'
        f"<pubDate>{format_datetime(text.at.astimezone(UTC), usegmt=True)}</pubDate>"
        f"<description>{body}</description></item>"
    )
