"""Says whether a tag is fit to be released: `python tools/release.py v0.2.0`. Needs nothing but Python.

The tag, the package's version and the newest heading of the changelog must agree, and the changelog must tell something.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def problems(tag: str, root: Path = ROOT) -> Iterator[str]:
    """What is in the way of releasing a tag."""
    source = (root / "wsreplay" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', source, re.M)
    version = match[1] if match else "missing"
    if tag != f"v{version}":
        yield f"the tag is {tag}, and __version__ in wsreplay/__init__.py is {version}: they must agree, as in v0.2.0 and 0.2.0"
    if not re.fullmatch(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?", version):
        yield f"{version} is not a version such as 0.2.0 or 0.2.0rc1"
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## \[([^\]]+)\][^\n]*\n(.*?)(?=^## \[|\Z)", changelog, re.M | re.S))
    section = sections.get(version)
    if section is None:
        yield f"CHANGELOG.md has no heading ## [{version}] - DATE: move what stands under [Unreleased] there"
    elif not re.search(r"^- ", section, re.M):
        yield f"CHANGELOG.md tells nothing under ## [{version}]"
    if "- " in sections.get("Unreleased", ""):
        yield "CHANGELOG.md still has entries under [Unreleased]"


def main() -> int:
    """The exit code: 0 where nothing is in the way."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python tools/release.py TAG\n")
        return 2
    reasons = list(problems(sys.argv[1]))
    for problem in reasons:
        sys.stderr.write(f"{problem}\n")
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
