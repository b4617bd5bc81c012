"""The test of the pages can fail: each way in which a page can be wrong is noticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pages
import pytest

FENCE = "```"


def page(tmp_path: Path, *lines: str) -> pages.Page:
    path = tmp_path / "page.md"
    path.write_text("\n".join(lines) + "\n")
    return pages.read(path)


def test_a_page_that_tells_the_truth_passes(tmp_path: Path, follow: Callable[[pages.Page], None]) -> None:
    follow(
        page(
            tmp_path, f'{FENCE}text title="a/file.txt"', "one", FENCE, f"{FENCE}console", "$ cat a/file.txt", "one",
            "$ ls \\", "    a", "f…", "$ false", "$ echo $?", "1", FENCE,
        )
    )  # fmt: skip


def test_other_output_fails(tmp_path: Path, follow: Callable[[pages.Page], None]) -> None:
    with pytest.raises(AssertionError, match=r"page.md:2: \$ echo two"):
        follow(page(tmp_path, f"{FENCE}console", "$ echo two", "three", FENCE))


def test_an_unexpected_exit_code_fails(tmp_path: Path, follow: Callable[[pages.Page], None]) -> None:
    with pytest.raises(AssertionError, match="exits with 3, not 0"):
        follow(page(tmp_path, f"{FENCE}console", "$ (exit 3)", FENCE))


def test_a_command_that_should_fail_and_does_not_fails(tmp_path: Path, follow: Callable[[pages.Page], None]) -> None:
    with pytest.raises(AssertionError, match="exits with 0, not 1"):
        follow(page(tmp_path, "<!-- test: exits 1 -->", f"{FENCE}console", "$ true", FENCE))


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        (["a", "…", "d"], "a\nb\nc\nd\n", True),
        (["a", "…", "d"], "a\nd\n", True),
        (["a", "…", "d"], "a\nb\n", False),
        (["a … c"], "a b c\n", True),
        (["a … c"], "a b\n", False),
        (["took 1.25s"], "took 3ms\n", True),
        (["at 00:01.250"], "at 1:02:03.004\n", True),
        (["3 frames"], "4 frames\n", False),
        ([], "surprise\n", False),
        (["surprise"], "", False),
        (["run-0123456789ab"], "run-ba9876543210\n", True),
        (["into recordings/2026-11-20T15-25-44Z.db"], "into recordings/2027-01-02T03-04-05Z-2.db\n", True),
    ],
)
def test_expected_output_matches(expected: list[str], printed: str, same: bool) -> None:
    assert (pages.mismatch(expected, printed) is None) is same


def test_a_directive_without_a_block_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no block follows"):
        page(tmp_path, "<!-- test: exits 1 -->")


def test_a_page_is_rewritten_where_it_was_wrong() -> None:
    text = "\n".join([f"{FENCE}console", "$ echo \\", "    one", "two", "$ echo 3", "3", FENCE, "end"])
    assert pages.rewritten(text, {2: "one\n"}) == "\n".join(
        [f"{FENCE}console", "$ echo \\", "    one", "one", "$ echo 3", "3", FENCE, "end", ""]
    )


def test_what_a_page_leaves_out_stays_so_when_it_is_written_anew() -> None:
    expected = ["took 12ms", "…", "last  …", '{"timestamp":1…', ""]
    assert pages.renewed(expected, 'took 345ms\nx\ny\nlast  3\n{"timestamp":2…\n') == 'took 345ms\n…\nlast  …\n{"timestamp":2…'
    assert pages.renewed(["one"], "two\n") == "two\n"
