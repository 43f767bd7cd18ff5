"""
What the public reads, made from a template of the team's own. A template sees what is listed here and nothing else: no
symptom, no answer of a target and no name of a person gets into the public's text by itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Final

STAGES: Final = ("investigating", "identified", "monitoring", "resolved")
"""As status pages call them."""
LONGEST: Final = 4000
"""Characters of a text; status pages take no more than a few thousand."""
LONGEST_TITLE: Final = 200
LONGEST_TEMPLATE: Final = 64 * 1024
"""Bytes."""


class BadTemplate(ValueError):
    """
    Attributes:
        line: Of the template, 0 when it is of none.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicFacts:
    """
    The variables of a template.

    Attributes:
        stage: One of STAGES.
        services: Names of those that are affected, ours first.
        severity, reference: SEV1, INC-0042.
        began: `2026-03-01 03:00 UTC`.
        lasted: In words; empty while it goes on.
        next_update: `03:15 UTC`; empty when none is planned.
    """

    stage: str
    services: tuple[str, ...]
    severity: str
    reference: str
    began: str
    lasted: str = ""
    next_update: str = ""


SAMPLES: Final = tuple(
    PublicFacts(
        stage=stage, services=("orders-service",), severity="SEV1", reference="INC-0042",
        began="2026-03-01 03:00 UTC", lasted="42 min" if stage == "resolved" else "",
        next_update="" if stage == "resolved" else "03:15 UTC",
    )
    for stage in STAGES
)  # fmt: skip


def default_template() -> str:
    return (files("monitor.config") / "templates" / "status.md").read_text(encoding="utf-8")


def rendered(template: str, facts: PublicFacts) -> tuple[str, str]:
    """Title and text. Raises BadTemplate."""
    # Imported here: of most daemons no incident ever reaches the public.
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    try:
        whole = environment.from_string(template).render(asdict(facts)).strip()
    except TemplateError as error:
        raise BadTemplate(getattr(error, "lineno", 0) or 0, " ".join(str(error.message or error).split())) from None
    except Exception as error:  # what a template computes may fail in any way
        raise BadTemplate(0, f"{type(error).__name__}: {error}") from None
    first, _, rest = whole.partition("\n")
    title, text = (first.lstrip("# "), rest.strip()) if first.startswith("#") else ("", whole)
    if not text:
        raise BadTemplate(0, f"it says nothing at the stage {facts.stage}")
    return (title or f"Problems with {', '.join(facts.services)}")[:LONGEST_TITLE], text[:LONGEST]


def check_template(template: str) -> None:
    """Every stage once, so that no mistake waits for the night. Raises BadTemplate."""
    for facts in SAMPLES:
        rendered(template, facts)
