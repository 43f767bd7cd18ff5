"""Where texts for the public go, by the configuration."""

from __future__ import annotations

from pathlib import Path

from monitor.config import changes, load
from monitor.daemon.wiring import outlets_of, rules_of

CONFIG = """
services:
  shop:
    checks: {{live: http://127.0.0.1:9/}}
tracker: {{folder: tickets}}
pages: {{pagerduty: {{routing_key: "${{KEY}}"}}}}
status_page:
  folder: {folder}
  statuspage: {{page: kctbh9vrtdwd, api_key: "${{KEY}}", components: {{shop: 8kbf7d35c070}}}}
"""


def written(tmp_path: Path, folder: str) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.format(folder=folder))
    return file


def test_the_public_is_the_last_to_hear_that_it_is_over(tmp_path: Path) -> None:
    config = load([written(tmp_path, "public")], {"KEY": "hunter2" * 5})

    assert list(outlets_of(config))[-3:] == ["pagerduty", "statuspage", "status"]
    assert rules_of(config).outlets == tuple(outlets_of(config))
    assert config.status_page is not None
    assert config.status_page.folder == tmp_path / "public"
    assert config.status_page.statuspage is not None
    assert dict(config.status_page.statuspage.components) == {"shop": "8kbf7d35c070"}


def test_its_key_is_a_secret(tmp_path: Path) -> None:
    config = load([written(tmp_path, "public")], {"KEY": "hunter2" * 5})

    assert "hunter2" * 5 in config.secrets()
    assert "hunter2" not in repr(config) + repr(outlets_of(config))


def test_another_folder_is_applied_by_a_reload(tmp_path: Path) -> None:
    before = load([written(tmp_path, "public")], {"KEY": "k"})
    after = load([written(tmp_path, "elsewhere")], {"KEY": "k"})

    assert changes(before, after).touches("status_page")
    assert not changes(before, after).touches("tracker", "pages")
