"""
What the vendors publish of their formats and APIs, to hold each document, request and answer against. It comes from
packages by name and version, once per checkout, and a test that needs it is skipped where they cannot be had.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from faults import Asked
from jsonschema import Draft4Validator, Draft202012Validator

ADF = ("npm", "@atlaskit/adf-schema", "57.7.22", "package/dist/json-schema/v1/full.json")
JIRA = ("pip", "jira-as", "2.1.0", "jira_as/specs/jira-platform-swagger-v3.json")
GITHUB = ("npm", "@octokit/openapi", "23.0.2", "package/generated/api.github.com.json")


def published(cache: Path, source: tuple[str, str, str, str]) -> Any:
    tool, package, version, member = source
    kept = cache / f"{package.replace('/', '_')}-{version}.json"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            fetched = Path(folder) / "fetched"
            fetched.write_bytes(_fetched(Path(folder), tool, package, version, member))
            fetched.replace(kept)  # whole, whoever else fetches it meanwhile
    return json.loads(kept.read_bytes())


def _fetched(folder: Path, tool: str, package: str, version: str, member: str) -> bytes:
    if tool == "npm":
        if shutil.which("npm") is None:
            pytest.skip(f"{package} cannot be had: npm is not installed")
        command = ["npm", "pack", "--silent", f"{package}@{version}"]
    else:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        command += ["--disable-pip-version-check", f"{package}=={version}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    archive = next((path for path in sorted(folder.iterdir()) if path.suffix in (".tgz", ".whl")), None)
    if archive is None:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"{package} {version} cannot be had: {last[:200]}")
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tarfile.open(archive) as tar:
        file = tar.extractfile(member)
        assert file is not None
        return file.read()


class Adf:
    def __init__(self, schema: Any) -> None:
        self._validator = Draft4Validator(schema)

    def check(self, document: Any) -> None:
        self._validator.validate(document)


class OpenApi:
    """Each request must be one that the description knows, and each answer of a fake must be one of its answers."""

    def __init__(self, description: Any) -> None:
        self._paths = description["paths"]
        self._components = {"components": _as_json_schema(description["components"])}
        self.seen: set[tuple[str, str]] = set()

    def check(self, asked: Asked, status: int, document: object) -> None:
        path, operation = self._operation(asked)
        self.seen.add((asked.method, path))
        asks = {p["name"] for p in map(self._resolved, operation.get("parameters", ())) if p["in"] == "query"}
        assert set(asked.query) <= asks, f"{asked.method} {path} does not know {set(asked.query) - asks}"
        if "requestBody" in operation:
            body = self._resolved(operation["requestBody"])
            if "multipart/form-data" in body["content"]:  # whoever obeys reads the form
                assert isinstance(asked.body, tuple)
            else:
                self._validate(body["content"]["application/json"]["schema"], asked.body)
        else:
            assert asked.body is None
        assert str(status) in operation["responses"], f"{asked.method} {path} does not answer {status}"
        answer = self._resolved(operation["responses"][str(status)])
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if schema and document is not None:
            self._validate(schema, document)

    def _operation(self, asked: Asked) -> tuple[str, Any]:
        # What is named in full goes before what is named by a pattern.
        for path, operations in sorted(self._paths.items(), key=lambda known: "{" in known[0]):
            pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path))
            if re.fullmatch(pattern, asked.path) and asked.method.lower() in operations:
                return path, operations[asked.method.lower()]
        raise AssertionError(f"{asked.method} {asked.path} is not in the description")

    def _resolved(self, node: Any) -> Any:
        if "$ref" not in node:
            return node
        found: Any = self._components
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return found

    def _validate(self, schema: Any, value: object) -> None:
        Draft202012Validator({**_as_json_schema(schema), **self._components}).validate(value)


def _as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema says null."""
    if isinstance(node, list):
        return [_as_json_schema(child) for child in node]
    if not isinstance(node, dict):
        return node
    found = {key: _as_json_schema(value) for key, value in node.items() if key not in ("nullable", "example")}
    return {"anyOf": [found, {"type": "null"}]} if node.get("nullable") is True else found
