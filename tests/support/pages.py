"""Documentation pages as scripts: their commands are run in the order of the page, and what they print is compared.

`pytest tests/docs/test_commands.py --rewrite` writes what was printed into the pages instead; read the difference, and put the
`…` in again.

A block ```console holds commands, each after `$ `, and what each prints. In the expected output `…` stands for anything within
a line, and for any lines where it stands alone; times, random ids and addresses compare as equal. A block with a title, such as
```yaml title="chat.yaml"```, is a file, written when the page comes to it. Comments say what a reader does beside typing:

    <!-- test: have FILE SCENARIO[:USER] ... -->   a recording of demo chats lies there
    <!-- test: sample FILE SAMPLE -->                a copy of one in recordings/samples lies there
    <!-- test: checkout -->                         the package lies there, to be changed
    <!-- test: backend -->                          the demo backend listens at port 8000
    <!-- test: chat SCENARIO[:USER] ... -->         users chat through the proxy at port 8765
    <!-- test: until TEXT -->                       the block's one command goes on; what it prints is compared when it ends
    <!-- test: interrupt -->                        Ctrl-C for the latest of those
    <!-- test: keys KEYS after TEXT -->             the block's one command runs in a terminal: wait for TEXT, type KEYS
    <!-- test: exits CODE -->                       what the block's last command exits with
    <!-- test: needs PROGRAM -->                    skip what follows where there is no such program
    <!-- test: not run: REASON -->                  the block is for the reader only
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ANYTHING = "…"
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`]*)$")
_DIRECTIVE = re.compile(r"^ *<!-- test: (?P<text>.+?) -->$")
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Directive:
    """A comment for the test: its first word, and the rest."""

    word: str
    rest: str
    line: int


@dataclass(slots=True)
class Command:
    """One command and the lines that it is to print. `line` is that of the page, from 1."""

    text: str
    line: int
    expected: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Block:
    """A fenced block. `commands` is empty for a file, `title` for what is no file."""

    language: str
    title: str
    lines: list[str]
    line: int
    directives: list[Directive] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def directive(self, word: str) -> Directive | None:
        return next((one for one in self.directives if one.word == word), None)

    def commands(self) -> list[Command]:
        """The commands of a console block. Raises ValueError for output that no command can have printed."""
        found: list[Command] = []
        for number, line in enumerate(self.lines, self.line + 1):
            if line.startswith("$ "):
                found.append(Command(line[2:], number))
            elif found and found[-1].text.endswith("\\") and not found[-1].expected:
                found[-1].text = found[-1].text[:-1] + line.strip().removeprefix("> ")
            elif found:
                found[-1].expected.append(line)
            else:
                raise ValueError(f"line {number}: output before any command")
        return found


@dataclass(slots=True)
class Page:
    path: Path
    steps: list[Block | Directive]

    @property
    def blocks(self) -> Iterator[Block]:
        return (step for step in self.steps if isinstance(step, Block))


_OWN_STEP = ("have", "sample", "checkout", "backend", "chat", "interrupt", "needs")


def read(path: Path) -> Page:
    """The blocks and directives of a page, in order. A directive that changes a block goes with the next block."""
    steps: list[Block | Directive] = []
    waiting: list[Directive] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        line, number = lines[number], number + 1
        if directive := _DIRECTIVE.match(line):
            word, _, rest = directive["text"].partition(" ")
            if word == "not":
                word, rest = "not run", rest.partition("run: ")[2]
            one = Directive(word, rest, number)
            (steps if word in _OWN_STEP else waiting).append(one)
        elif fence := _FENCE.match(line):
            begin = number
            indent, info = fence["indent"], fence["info"].strip()
            while number < len(lines) and lines[number].strip() != "```":
                number += 1
            body = [text.removeprefix(indent) for text in lines[begin:number]]
            number += 1
            title = _TITLE.search(info)
            steps.append(Block(info.split(" ")[0], title[1] if title else "", body, begin, waiting))
            waiting = []
    if waiting:
        raise ValueError(f"{path}:{waiting[0].line}: no block follows this directive")
    return Page(path, steps)


# What differs from run to run, and says nothing: digits with a fraction, dates, random ids, process-chosen ports.
_VOLATILE = [
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d[:-]\d\d[:-]\d\d(?:\.\d+)?(?:Z|\+00:00)?(?:-\d+(?=\.db))?"), "<date>"),
    (re.compile(r"\b(?:run|m|r)-[0-9a-f]{8,}\b"), "<id>"),
    (re.compile(r"redacted:[0-9a-f]{12}"), "<hash>"),
    (re.compile(r'(?<="timestamp":)\d[\d.]*'), "<time>"),
    (re.compile(r"(?<=127\.0\.0\.1:)[34567]\d{4}\b"), "<port>"),
    (re.compile(r"\b\d{10}\.\d+"), "<time>"),
    (re.compile(r"\b(?:\d+:)?\d\d:\d\d\.\d+\b"), "<clock>"),
    (re.compile(r"\b(?:\d+(?:\.\d+)?(?:ns|µs|ms|s|m|h|d))+\b"), "<n>"),
    (re.compile(r"\b\d+\.\d+(?= ?(?:s|ms|µs|kB|MB|KiB|MiB)\b)|\b\d+(?:\.\d+)?[kMG]?B\b"), "<n>"),
    (re.compile(r'(?<=  )\d{2,4}(?=  [{"])|(?<="size": )\d+'), "<size>"),  # of JSON with a time in it
    (re.compile(r"(?<![\w.])\d+\.\d{3,9}\b"), "<n>"),
    (re.compile(r" {2,}"), "  "),
]


def masked(line: str) -> str:
    for pattern, instead in _VOLATILE:
        line = pattern.sub(instead, line)
    return line.rstrip()


def mismatch(expected: list[str], printed: str) -> str | None:
    """None where the output is as the page says, else a text that shows both."""
    if _match(expected, printed):
        return None
    return "the page says:\n" + "\n".join(expected) + "\n\nprinted:\n" + printed


def renewed(expected: list[str], printed: str) -> str:
    """What a command printed this time, without what the page leaves out; all of it where the page says something else."""
    match = _match(expected, printed)
    if match is None:
        return printed
    actual, lines = printed.splitlines(), []
    for number, line in enumerate(expected[: match.re.groups], 1):
        new = actual[match.string.count("\n", 0, match.start(number))] if line.strip() != ANYTHING else line
        is_left_out = ANYTHING in line and not (line.endswith(ANYTHING) and new.endswith(ANYTHING))
        lines.append(line if is_left_out else new)
    return "\n".join(lines)


def _match(expected: list[str], printed: str) -> re.Match[str] | None:
    """The output as the page says it, with a group for each of its lines."""
    wanted = [masked(line) for line in expected]
    actual = [masked(line) for line in printed.splitlines()]
    while wanted and not wanted[-1]:
        wanted.pop()
    while actual and not actual[-1]:
        actual.pop()
    parts = [r"((?:[^\n]*\n)*?)" if line.strip() == ANYTHING else f"({_line_pattern(line)}\\n)" for line in wanted]
    return re.fullmatch("".join(parts), "".join(line + "\n" for line in actual))


def rewritten(text: str, printed: dict[int, str]) -> str:
    """A page with what its commands printed, by their lines, in place of what it said."""
    lines = text.splitlines()
    for number in sorted(printed, reverse=True):
        begin = number
        while lines[begin - 1].endswith("\\"):
            begin += 1
        end = begin
        while not lines[end].startswith("$ ") and lines[end].strip() != "```":
            end += 1
        lines[begin:end] = [line.rstrip() for line in printed[number].splitlines()]
    return "\n".join(lines) + "\n"


def _line_pattern(line: str) -> str:
    return r"[^\n]*".join(re.escape(part) for part in line.split(ANYTHING))


def scenarios(text: str) -> list[tuple[str, str]]:
    """`healthy missing-event:bob` as pairs of scenario and user."""
    return [(name, user or "alice") for name, _, user in (word.partition(":") for word in shlex.split(text))]
