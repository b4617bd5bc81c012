from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from fastjsonschema.draft07 import CodeGeneratorDraft07
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.contract.payload_schema import compile_schema
from wsreplay.trace.regex import PatternError


def fits(schema: Any, value: Any) -> bool:
    try:
        compile_schema(schema)(value)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 100_000 + "b"),
        ({"pattern": "a*a*b"}, "a" * 100_000),
        ({"patternProperties": {"^(a|aa)+$": False}}, {"a" * 100_000 + "b": 1}),
        ({"properties": {"id": {"allOf": [{"pattern": "(x+x+)+y"}]}}}, {"id": "x" * 100_000}),
        ({"format": "email"}, "." * 100_000),
        ({"format": "email"}, "a@" + "." * 100_000 + "@"),
        ({"format": "idn-email"}, "a@" + "." * 100_000 + "@"),
        ({"format": "hostname"}, "a-" * 50_000),
        ({"format": "uri"}, "a" * 100_000),
        ({"format": "json-pointer"}, "/a" * 50_000 + "~"),
    ],
)
def test_no_text_holds_a_schema_up(schema: Any, value: Any) -> None:
    check = compile_schema({"$schema": "http://json-schema.org/draft-07/schema#", **schema})
    begun = time.process_time()
    try:
        check(value)
    except fastjsonschema.JsonSchemaValueException:
        pass
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^c[0-9]+$", "c12", True), ("^c[0-9]+$", "c12\n", False), ("b", "abc", True), (r"^\d+$", "٣", False),
        ("^x_re_pattern$", "x_re_pattern", True), ("é", "caf\u00e9", True), ("^.$", "\U0001f600", True),
    ],
)  # fmt: skip
def test_a_pattern_is_searched_for_as_json_schema_says(pattern: str, text: str, matches: bool) -> None:
    assert fits({"pattern": pattern}, text) is matches
    assert fits({"patternProperties": {pattern: False}}, {text: 1}) is not matches


@pytest.mark.parametrize("pattern", ["(", "(?=a)b", r"(a)\1", "a{2000}"])
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_schema({"properties": {"a": {"pattern": pattern}}})


@given(st.text(st.sampled_from("a.@- "), max_size=9))
def test_addresses_are_told_as_the_library_tells_them(text: str) -> None:
    for name in ("email", "idn-email"):
        expected = re.match(CodeGeneratorDraft07.FORMAT_REGEXS[name], text) is not None
        assert fits({"format": name}, text) is expected


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """An HTTP server that has schemas: its URL, and the paths that it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "string"}')

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "reference",
    ["{url}/a.json", "{url}/a.json#/x", "file://{file}", "other.json", "//h/x.json", "ftp://127.0.0.1:1/x", "data:,%7B%7D"],
)
def test_a_reference_leads_nowhere_outside_the_schema(asked: tuple[str, list[str]], tmp_path: Path, reference: str) -> None:
    url, paths = asked
    file = tmp_path / "a.json"
    file.write_text('{"type": "string"}')
    uri = reference.format(url=url, file=file)
    for schema in ({"$ref": uri}, {"properties": {"x": {"$ref": uri}}}, {"$id": f"{url}/base/", "allOf": [{"$ref": uri}]}):
        with pytest.raises(ValueError, match="is outside this schema"):
            compile_schema(schema)
    assert paths == []


def test_a_reference_within_the_schema_is_followed() -> None:
    schema = {"definitions": {"id": {"type": "integer"}}, "properties": {"x": {"$ref": "#/definitions/id"}}}
    assert fits(schema, {"x": 1})
    assert not fits(schema, {"x": "1"})
