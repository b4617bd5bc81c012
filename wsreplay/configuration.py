"""What a project settles once, in `wsreplay.toml` or under `[tool.wsreplay]` in `pyproject.toml`, found upwards from a folder.

    upstream = "ws://localhost:8000"
    contract = "contracts/chat.yaml"   # paths are told from the folder of the file
    redact = ["auto"]

The nearest folder that has one counts; in one folder `wsreplay.toml` goes first. Options on the command line win.
"""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

import difflib
import re
from collections.abc import Iterator, Mapping
from os import path as paths
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from wsreplay.errors import ConfigurationError

FILE = "wsreplay.toml"
SHARED_FILE = "pyproject.toml"
SHARED_TABLE = "tool.wsreplay"
_SOCKET = "unix:"


class ProjectKey(NamedTuple):
    """What can be settled: `many` tells whether a list of texts may stand there, `path` whether it may name a file."""

    meaning: str
    example: str
    default: str
    many: bool = False
    path: bool = False


KEYS: Mapping[str, ProjectKey] = MappingProxyType({
    "upstream": ProjectKey("The backend that `wsreplay record` forwards to.", '"ws://localhost:8000"', "none"),
    "listen": ProjectKey("Where `record` and `replay server` listen for clients.", '"127.0.0.1:8765"', "127.0.0.1:8765"),
    "contract": ProjectKey("What to check recordings against: a built-in's name or a file, or a list of them.", '"agent-chat"',
                    "the built-in that fits what was recorded", many=True, path=True),
    "decoder": ProjectKey("Decoder for the messages.", '"json"', "the contract's, else detected"),
    "user": ProjectKey("Where a connection names its user, or a list of places.", '"header:X-User-Id"',
                "a JWT's sub, user_id, uid or email, X-User-Id, ?user=, a session cookie", many=True),
    "redact": ProjectKey("What else to hide before it is written, besides secrets in handshakes.", '["auto"]',
                  "secrets in handshakes", many=True),
    "output": ProjectKey("The folder to write recordings to, and to look for them.", '"recordings"', "recordings/", path=True),
})  # fmt: skip
# What people write, and what it is called.
_ALSO = {"as": "decoder", "url": "upstream", "backend": "upstream", "port": "listen", "identity": "user", "folder": "output"}


class ConfiguredValue(NamedTuple):
    """What stands in the file for a key, as texts, and on which line (from 1; 0 where that is not known)."""

    texts: tuple[str, ...]
    line: int


class Configuration(NamedTuple):
    """What a file settles, by key, and what is wrong with it; `path` is None where no file was found."""

    path: Path | None = None
    values: Mapping[str, ConfiguredValue] = MappingProxyType({})
    errors: tuple[ConfigurationError, ...] = ()

    def check(self) -> "Configuration":
        """Itself. Raises the first of its errors."""
        for error in self.errors:
            raise error
        return self

    def texts(self, key: str) -> tuple[str, ...]:
        """What is settled; empty where nothing is. Paths are told from the current folder."""
        value = self.values.get(key)
        return () if value is None else tuple(self._from_here(key, text) for text in value.texts)

    def error(self, key: str, message: str) -> ConfigurationError:
        """What is wrong with the value of a key, with its place."""
        return ConfigurationError(f"{key}: {message}", file=str(self.path), line=self.values[key].line)

    def _from_here(self, key: str, text: str) -> str:
        assert self.path is not None
        folder = self.path.parent
        if text.startswith(_SOCKET) and key in ("upstream", "listen"):
            return _SOCKET + _joined(folder, text.removeprefix(_SOCKET))
        if key == "output" or (KEYS[key].path and (folder / text).is_file()):
            return _joined(folder, text)
        return text


def _joined(folder: Path, name: str) -> str:
    """A path of the file's folder as one of the current folder: short where it is inside, else from the root."""
    path = folder / Path(name).expanduser()
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def find(folder: Path | None = None) -> "Configuration":
    """The configuration of a folder, or the current one: of the nearest file upwards. Nothing is raised: see `check`."""
    try:
        start = (folder or Path.cwd()).absolute()
    except OSError:  # the current folder is gone
        return Configuration()
    for place in (start, *start.parents):
        for name in (FILE, SHARED_FILE):
            path = place / name
            try:
                text = _text_of(path)
            except OSError as error:
                if name == FILE:  # of somebody else's it is not known that it concerns us
                    reason = f"cannot be read: {error.strerror}"
                    return Configuration(path, errors=(ConfigurationError(reason, file=str(path)),))
                continue
            if text is not None and (name == FILE or _has_table(text)):
                return read(path, text)
    return Configuration()


def _text_of(path: Path) -> str | None:
    """None where no such file. Raises OSError."""
    if not paths.isfile(path):  # noqa: PTH113 -- pathlib's raises on some names
        return None
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def _has_table(text: str) -> bool:
    return re.search(r"^\s*\[\s*tool\s*\.\s*[\"']?wsreplay\b", text, re.M) is not None


def read(path: Path, text: str) -> "Configuration":
    """The configuration in a file's text."""
    import tomllib

    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Configuration(path, errors=(_syntax_error(path, str(error), text),))
    table: Any = document
    for part in SHARED_TABLE.split(".") if path.name == SHARED_FILE else ():
        table = table.get(part, {}) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        return Configuration(path, errors=(ConfigurationError(f"[{SHARED_TABLE}] is not a table", file=str(path)),))
    values: dict[str, ConfiguredValue] = {}
    errors: list[ConfigurationError] = []
    for key, value in table.items():
        line = _line_of(key, text, path.name == SHARED_FILE)
        problem = _problem(key, value, path.name)
        if problem is not None:
            errors.append(ConfigurationError(problem, file=str(path), line=line))
        else:
            values[key] = ConfiguredValue(tuple(value) if isinstance(value, list) else (value,), line)
    return Configuration(path, values, tuple(errors))


def _syntax_error(path: Path, text: str, document: str) -> ConfigurationError:
    match = re.fullmatch(r"(.*?) \(at (?:line (\d+), column \d+|end of document)\)", text, re.S)
    message = match[1] if match else text
    line = int(match[2] or document.count("\n") + 1) if match else 0
    return ConfigurationError(f"is not TOML: {message[:1].lower()}{message[1:]}", file=str(path), line=line)


def _problem(key: str, value: Any, name: str) -> str | None:
    """What is wrong with a key or its value, in words."""
    if key not in KEYS:
        if key == "tool" and name == FILE:
            return f"keys belong at the top of {FILE}, without [{SHARED_TABLE}]"
        close = [_ALSO[key]] if key in _ALSO else difflib.get_close_matches(key, KEYS, 1)
        return f"unknown key {key!r}" + (f": did you mean {close[0]}?" if close else f": there are {', '.join(KEYS)}")
    wanted = KEYS[key]
    texts = value if isinstance(value, list) and wanted.many else [value]
    wrong = next((text for text in texts if not isinstance(text, str) or not text), None)
    if wrong is None and texts:
        return None
    kind = "a string or a list of strings" if wanted.many else "a string"
    return f"{key} must be {kind}, as in {key} = {wanted.example}, not {_kind_of(value if wrong is None else wrong)}"


def _kind_of(value: Any) -> str:
    kinds = {
        bool: "true or false", int: "a number", float: "a number", str: "an empty string", list: "a list", dict: "a table",
    }  # fmt: skip
    if value == []:
        return "an empty list"
    return kinds.get(type(value), f"a {type(value).__name__}")


def _line_of(key: str, text: str, shared: bool) -> int:
    """The line on which a key stands, from 1; 0 where it cannot be found by reading line by line."""
    ours = not shared
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+([^\]]*)", line):
            name = re.sub(r"[\s\"']", "", header[1])
            if name == f"{SHARED_TABLE}.{key}" or (not shared and name.partition(".")[0] == key):
                return number
            ours = shared and name == SHARED_TABLE
        elif ours and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
            return number
    return 0


def document(values: Mapping[str, tuple[str, ...]]) -> str:
    """A commented `wsreplay.toml`: every key, those without a value as a comment."""
    return "\n".join(_document_lines(values)) + "\n"


def _document_lines(values: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    yield "# Settings for wsreplay in this folder and below it. Options on the command line win; `wsreplay config` shows"
    yield "# what is in force. Paths are relative to the folder of this file."
    for name, key in KEYS.items():
        texts = values.get(name, ())
        yield ""
        yield f"# {key.meaning}"
        yield f"# Default: {key.default}."
        quoted = [_quoted(text) for text in texts]
        if not texts:
            yield f"# {name} = {key.example}"
        elif len(texts) == 1 and name != "redact":
            yield f"{name} = {quoted[0]}"
        else:
            yield f"{name} = [{', '.join(quoted)}]"


def _quoted(text: str) -> str:
    """A basic string of TOML (1.0, "String")."""
    signs = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(
        signs.get(sign) or (f"\\u{ord(sign):04x}" if ord(sign) < 32 or ord(sign) == 127 else sign) for sign in text
    ) + '"'  # fmt: skip
