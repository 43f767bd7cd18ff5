"""`config(text)` reads a config, `problems(text)` says what is wrong with one; both from a file in a fresh folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from monitor.config import Config, ConfigError, load


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Config]:
    def read(text: str, environ: Mapping[str, str] | None = None) -> Config:
        file = tmp_path / "config.yaml"
        file.write_text(text)
        return load([file], environ or {})

    return read


@pytest.fixture
def problems(config: Callable[..., Config], tmp_path: Path) -> Callable[..., str]:
    def complain(text: str, environ: Mapping[str, str] | None = None) -> str:
        with pytest.raises(ConfigError) as caught:
            config(text, environ)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return complain
