"""A configuration of ours as text. We read every value as text, so quotes stand only where YAML itself needs them."""

from __future__ import annotations

from typing import Any, Final

import yaml

UNBOUNDED: Final = 100_000
"""Columns: a value that is broken over lines cannot be searched for."""


class Text(yaml.SafeDumper):
    """0.999 and true have no quotes, null has: left bare it would be no value."""


Text.yaml_implicit_resolvers = {
    first: [kept for kept in resolvers if kept[0] == "tag:yaml.org,2002:null"]
    for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Text.add_representer(str, _text)


def dumped(value: Any, dumper: type[yaml.SafeDumper] = Text) -> str:
    return yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=UNBOUNDED)
