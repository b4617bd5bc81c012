"""The keys: each leads somewhere, each hint names a right one, and what is wrong with those of a user is said."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

from textual.actions import parse
from textual.binding import Binding

import wsreplay.tui
from wsreplay.store import annotations as notes
from wsreplay.tui.bindings import bindings, classes, mistakes
from wsreplay.tui.config import Config
from wsreplay.tui.look.keys import HINTED


def test_every_key_leads_to_an_action_that_takes_what_the_key_gives_it():
    for owner in classes():
        for binding in vars(owner).get("BINDINGS", ()):
            _, name, parameters = parse(binding.action)
            action = getattr(owner, f"action_{name}", None)
            assert action is not None, f"{owner.__name__} has no action {name}"
            inspect.signature(action).bind(None, *parameters)


def test_every_key_that_a_hint_names_is_one_of_its_binding():
    every: dict[str, set[str]] = {}
    for binding in bindings():
        every.setdefault(str(binding.id), set()).update(key.key for key in Binding.make_bindings([binding]))
    assert {binding: key for binding, key in HINTED.items() if key not in every.get(binding, ())} == {}


def test_our_own_keys_are_no_mistake():
    assert mistakes({}) == []
    assert mistakes({str(binding.id): binding.key for binding in bindings()}) == []
    assert mistakes({"session.filter": "n", "session.next_match": "slash"}) == [], "two may change places"


def test_a_binding_that_there_is_not_and_a_key_that_two_would_have_are_mistakes():
    assert mistakes({"session.filtre": "s"}) == ["there is no binding 'session.filtre'; did you mean 'session.filter'?"]
    assert mistakes({"list.down": "j,down,n"}) == ["n is of both 'list.down' and 'session.next_match'"]
    assert mistakes({"list.down": "j,down,a"}) == [
        "a is of both 'list.down' and 'sessions.all'", "a is of both 'list.down' and 'waterfall.pan_left'",
    ]  # fmt: skip


async def test_mistakes_in_the_configuration_are_said_and_the_rest_of_it_counts(stage, chat_recording):
    config = Config(keys={"no.such": "k", "session.filter": "s"})
    async with stage(chat_recording, config=config) as on:
        await on.until(lambda: on.app.notice)
        notification = on.app.notice
        assert notification.message == "there is no binding 'no.such'"
        await on.press("enter", "s")
        assert on.app.screen.bar.typing


_KEY = r"(?<![\w'’*%{}.-])(?:\^?[A-Za-z]|tab|space|enter|esc)"
_KEY_AND_VERB = re.compile(_KEY + r" {1,3}(?:next|previous|back|[a-z]{2,}(?<!s)s)\b")


def test_no_text_of_the_interface_names_a_key_as_it_is_before_the_user_gives_it_another():
    named = []
    for file in sorted(Path(wsreplay.tui.__path__[0]).rglob("*.py")):
        tree = ast.parse(file.read_text())
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings]
        named += [(file.name, text) for text in texts if isinstance(text, str) and _KEY_AND_VERB.search(text)]
    assert named == []


async def test_hints_name_the_keys_that_the_user_has_given(stage, script):
    made = script("large.db")
    made.open(1, 0, closed_ns=10**9)
    made.say(1, 1, 1, "x", text="x" * 300_000)
    path = made.write(1_000)
    notes.change_mark(path, None, 500_000_000, "look")
    keys = {"keep.page": "Z", "keep.mark": "K", "screen.back": "B"}
    async with stage(path, config=Config(keys=keys)) as on:
        screen = on.app.screen
        await on.until(lambda: "Z opens all of it" in screen.detail.text)
        await on.press("j")
        assert "K edits the note" in screen.detail.text
        await on.press("D", "1", "enter")
        on.app.screen.job_failed("aligning", "it is gone")
        await on.until(lambda: "B goes back" in on.text())
