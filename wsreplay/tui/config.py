"""What a user may settle once: keys, theme, signs. `config.toml` in the user's configuration folder.

    theme = "light"          # dark, light, or the name of any theme of Textual; without it the one that was chosen last
    ascii = true
    mouse = false
    [keys]
    "list.down" = "j,down,ctrl+n" # any binding by its id, as the help screen names it
"""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from wsreplay.errors import UsageError
from wsreplay.store.paths import reachable

VARIABLE = "WSREPLAY_CONFIG"


class Config(NamedTuple):
    theme: str = ""  # the one that was chosen last, else dark
    ascii: bool = False
    mouse: bool = True
    keys: Mapping[str, str] = MappingProxyType({})


def config_path() -> Path:
    """$WSREPLAY_CONFIG, else `config.toml` in the folder that the platform keeps for it."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("wsreplay") / "config.toml"


def load(path: Path | None = None) -> Config:
    """The user's settings; the defaults where there is no file. Raises UsageError saying what in the file is wrong."""
    path = path or config_path()
    if not reachable(path).is_file():
        return Config()
    import tomllib

    try:
        document = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    return _checked(document, path)


def _checked(document: dict[str, Any], path: Path) -> Config:
    kinds: dict[str, type] = {"theme": str, "ascii": bool, "mouse": bool, "keys": dict}
    for name, value in document.items():
        if name not in kinds:
            raise UsageError(f"{path}: there is no setting {name!r}; there are {', '.join(kinds)}")
        if not isinstance(value, kinds[name]):
            raise UsageError(f"{path}: {name} must be {kinds[name].__name__}, not {value!r}")
    for binding, keys in document.get("keys", {}).items():
        if not isinstance(keys, str) or not keys:
            raise UsageError(f"{path}: keys.{binding!r} must name keys, such as \"j,down\"")
    return Config(**document)
