"""The contract language: its model, its loader, the built-in contracts."""

from wsreplay.contract.loader import builtin_names, load, loads
from wsreplay.contract.model import Contract

__all__ = ["Contract", "builtin_names", "load", "loads"]
