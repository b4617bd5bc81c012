"""What the project's configuration gives to commands: the values of options and arguments that the command line leaves out.

Parameters are matched by name, so that a command that takes a decoder takes the configured one, without a word of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from wsreplay.cli.address import Address
from wsreplay.configuration import KEYS, Configuration, find
from wsreplay.errors import UsageError

# The names of parameters, and what settles them.
PARAMETERS = {
    "upstream": "upstream", "listen": "listen", "contract": "contract", "contracts": "contract", "decoder": "decoder",
    "users": "user", "redact": "redact",
}  # fmt: skip
# These say what they are about themselves, and work where a configuration does not.
UNCONFIGURED = frozenset(("config", "contract", "demo", "doctor", "help", "init", "send"))


def apply(context: click.Context, name: str, command: click.Command, arguments: Sequence[str]) -> None:
    """Give `command` the configured defaults, before its arguments are parsed. Raises ConfigurationError.

    A command that only shows its help is not kept from it by a mistake in a configuration.
    """
    if context.resilient_parsing or context.params.get("no_config"):
        return
    configuration = find()
    asks_for_help = not set(context.help_option_names).isdisjoint(arguments)
    if name not in UNCONFIGURED and not asks_for_help:
        configuration.check()
        check_values(configuration, _keys_of(command))
    context.obj = configuration
    if name not in UNCONFIGURED and not configuration.errors:
        context.default_map = {name: defaults_of(command, configuration)}


def check_values(configuration: Configuration, keys: Sequence[str]) -> None:
    """Raises ConfigurationError where a value cannot be what its key stands for."""
    for error in value_errors(configuration, keys):
        raise error


def value_errors(configuration: Configuration, keys: Sequence[str]) -> Iterator[UsageError]:
    """Every value of these keys that cannot be what its key stands for."""
    for key in keys:
        for text in configuration.texts(key):
            try:
                _CHECKS[key](text)
            except click.BadParameter as error:
                yield configuration.error(key, error.message)
            except (UsageError, ValueError) as error:
                yield configuration.error(key, str(error))


def defaults_of(command: click.Command, configuration: Configuration) -> dict[str, Any]:
    """A default map of click's, also of the commands of a group."""
    if isinstance(command, click.Group):
        return {name: defaults_of(inner, configuration) for name, inner in command.commands.items()}
    defaults: dict[str, Any] = {}
    for parameter in command.params:
        texts = configuration.texts(PARAMETERS.get(parameter.name or "", ""))
        if texts:
            defaults[str(parameter.name)] = list(texts) if parameter.multiple else texts[0]
    return defaults


def _keys_of(command: click.Command) -> list[str]:
    if isinstance(command, click.Group):
        return list(dict.fromkeys(key for inner in command.commands.values() for key in _keys_of(inner)))
    return [PARAMETERS[parameter.name] for parameter in command.params if parameter.name in PARAMETERS]


def is_typed(parameter: str) -> bool:
    """Whether the command line gives this parameter, and not the configuration."""
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.COMMANDLINE


def in_force() -> Configuration:
    """The configuration of the command that runs."""
    context = click.get_current_context(silent=True)
    configuration = None if context is None else context.find_object(Configuration)
    return configuration or Configuration()


def _check_upstream(text: str) -> None:
    from wsreplay.proxy.upstream import Upstream

    Upstream.parse(text)


def _check_listen(text: str) -> None:
    Address(unix=True).convert(text, None, None)


def _check_contract(text: str) -> None:
    from wsreplay.contract import builtin_names, load

    if text not in builtin_names() and not Path(text).is_file():
        load(text)  # says what may be meant


def _check_decoder(text: str) -> None:
    from wsreplay.decode import get_decoder

    get_decoder(text)


def _check_user(text: str) -> None:
    from wsreplay.trace.identity import parse_user_source

    parse_user_source(text)


def _check_redact(text: str) -> None:
    from wsreplay.trace.secret_names import SecretNames

    SecretNames.parse([text])


def _check_output(text: str) -> None:
    if Path(text).exists() and not Path(text).is_dir():
        raise UsageError(f"{text} is not a folder")


_CHECKS: dict[str, Callable[[str], None]] = {
    "upstream": _check_upstream, "listen": _check_listen, "contract": _check_contract, "decoder": _check_decoder,
    "user": _check_user, "redact": _check_redact, "output": _check_output,
}  # fmt: skip
assert _CHECKS.keys() == KEYS.keys()
