"""An output belongs to the format before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsreplay.cli.report_targets import FORMS, OUTPUTS, pair
from wsreplay.errors import UsageError


def targets(line: str) -> str:
    """What comes of a command line such as `-f json -o a`, as `json>a`."""
    words = line.split()
    options = list(zip(words[::2], words[1::2], strict=True))
    order = [FORMS if option == "-f" else OUTPUTS for option, _ in options]
    forms = [value for option, value in options if option == "-f"]
    outputs = [Path(value) for option, value in options if option == "-o"]
    return " ".join(f"{form}>{output or ''}" for form, output in pair(order, forms, outputs, lambda form: form == "parquet"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-f json", "json>"),
        ("-f json -o a", "json>a"),
        ("-o a -f json", "json>a"),
        ("-f junit -o a -f github -f markdown -o b", "junit>a github> markdown>b"),
        ("-f github -f junit -o a", "github> junit>a"),
        ("-o a -f junit -f sarif -o b", "junit>a sarif>b"),
        ("-f parquet -o a -f text", "parquet>a text>"),
    ],
)
def test_an_output_belongs_to_the_format_before_it(line: str, expected: str) -> None:
    assert targets(line) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-f json -o a -o b", "-f json has two outputs, a and b: "),
        ("-o a -o b -f json", "the outputs a and b stand before any -f: "),
        ("-f json -f text", "-f json and -f text would both go to standard output: "),
        ("-o a -f json -o b -f text", "-f json has two outputs, a and b: "),
        ("-f parquet", "-f parquet writes a folder: name it with -o"),
    ],
)
def test_a_mix_that_is_not_clear_is_refused(line: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        targets(line)
    assert str(refused.value).startswith(words)
    assert "-o behind" in str(refused.value)


def test_formats_of_a_configuration_stand_before_all_outputs() -> None:
    assert pair([OUTPUTS], ["json"], [Path("a")], lambda _: False) == [("json", Path("a"))]
