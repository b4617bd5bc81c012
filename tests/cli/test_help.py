"""`wsreplay help`: every topic is there, and says nothing that only a web page understands."""

from __future__ import annotations

import sys

import pytest
from commandline import run
from terminal import Tmux

from wsreplay.cli.help import TOPICS, read_page
from wsreplay.cli.main import COMMANDS


def test_topics_are_listed() -> None:
    outcome = run("help")
    assert outcome.code == 0
    assert all(topic in outcome.out for topic in TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_reads_without_a_browser(topic: str) -> None:
    page = read_page(topic)
    assert page.startswith("# ")
    assert not any(sign in page for sign in ("<!--", "](../", "](#", "{ #", ".md)"))


def test_a_link_to_another_topic_says_how_to_read_it_once() -> None:
    page = read_page("contracts")
    assert "Write a contract (`wsreplay help write-contracts`)" in page
    assert page.count("wsreplay help write-contracts") == 1
    assert "wsreplay help contracts" not in page


def test_a_topic_goes_into_a_pipe_as_it_is() -> None:
    outcome = run("help", "units")
    assert (outcome.code, outcome.out) == (0, read_page("units"))


def test_a_command_is_a_topic_too() -> None:
    assert run("help", "show").out == run("show", "--help").out
    assert not set(TOPICS) & set(COMMANDS)


def test_a_command_below_another_is_one_too() -> None:
    assert run("help", "contract", "map").out == run("contract", "map", "--help").out
    assert run("help", "replay", "server").out == run("replay", "server", "--help").out
    assert run("help", "contract").out == run("contract", "--help").out
    outcome = run("help", "contract", "mop")
    assert (outcome.code, outcome.err) == (2, "wsreplay: no such command: 'contract mop'; did you mean map?\n")


def test_a_topic_may_be_a_section_of_a_page() -> None:
    page = read_page("marks")
    assert page.startswith("# Mark a moment\n") and "\n#" not in page and "named pipe" in page


def test_a_misspelt_topic_is_answered_with_the_right_one() -> None:
    outcome = run("help", "filter")
    assert (outcome.code, outcome.err) == (2, "wsreplay: no such topic: 'filter'; did you mean filters?\n")
    assert run("help", "zzz").err == "wsreplay: no such topic: 'zzz'; see wsreplay help\n"


def test_on_a_terminal_it_is_laid_out_and_paged(tmux: Tmux) -> None:
    tmux.start(sys.executable, "-m", "wsreplay", "help", "filters")
    shown = tmux.until(lambda screen: "Filter language" in screen)
    assert "# Filter" not in shown
    tmux.keys("q")
    tmux.until(lambda screen: "ended 0" in screen)


def test_a_topic_of_two_words_needs_no_hyphen() -> None:
    assert run("help", "exit", "codes").out == run("help", "exit-codes").out
