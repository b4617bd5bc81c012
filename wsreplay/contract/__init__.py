"""The contract language: its model, its loader, the built-in contracts."""

from wsreplay.contract.loader import builtin_names, load, loads, name_or_file, purpose
from wsreplay.contract.model import Contract
from wsreplay.contract.schema import json_schema

__all__ = ["Contract", "builtin_names", "json_schema", "load", "loads", "name_or_file", "purpose"]
