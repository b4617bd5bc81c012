"""Words in a terminal: colour where it is wanted, lines that fit."""

from __future__ import annotations

from collections.abc import Iterator

from wsreplay.display import cells, fit, visible
from wsreplay.validator.findings import Finding, Severity

RED, YELLOW, BLUE, PURPLE, GREEN = "31", "33", "36", "35", "32"
BOLD, DIM = "1", "2"

ERROR, WARNING, INFO, MISSING, ORDER, PASSED = "✗", "▲", "·", "◆", "⇅", "✓"
_SIGNS = {Severity.ERROR: (ERROR, RED), Severity.WARNING: (WARNING, YELLOW), Severity.INFO: (INFO, DIM)}
_KINDS = {"missing": (MISSING, BLUE), "order": (ORDER, PURPLE)}


class Paint:
    """Colours text with SGR sequences, or leaves it as it is."""

    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self.color and text and codes else text


def severity_sign(severity: Severity) -> tuple[str, str]:
    """The sign of a severity, and its colour."""
    return _SIGNS[severity]


def kind_sign(finding: Finding) -> tuple[str, str]:
    """The sign of what a finding says: missing, out of order, or its severity's."""
    return _KINDS.get(finding.kind, _SIGNS[finding.severity])


def kind_word(finding: Finding) -> str:
    """What kind of finding it is, in words; of one that is no kind of its own its rule. Not yet harmless."""
    words = {"order": "out of order", "violation": finding.rule, "cut": "cut short"}
    return words.get(finding.kind, finding.kind)


def spread(left: str, right: str, width: int) -> str:
    """`left` and `right` at the two ends of a line; `left` gives way."""
    left = fit(left, max(width - cells(right) - 1, 8))
    return left + " " * max(width - cells(left) - cells(right), 1) + right


def wrapped(text: str, width: int) -> Iterator[str]:
    """Lines of at most `width` cells, broken at spaces where there are any. The text is made harmless."""
    line = ""
    for word in visible(text).split(" "):
        while cells(word) > width:
            head = fit(word, width)[:-1]
            yield from filter(None, [line])
            line, word = "", word[len(head) :]
            yield head
        if line and cells(line) + 1 + cells(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line
