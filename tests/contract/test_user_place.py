"""Where users seem to be named."""

from __future__ import annotations

import pytest

from wsreplay.contract.user_place import find_user
from wsreplay.model import Connection


def connections(*paths: str, user: str | None = None) -> list[Connection]:
    return [Connection(number, 1, 0, path=path, user=user) for number, path in enumerate(paths, 1)]


def test_a_parameter_of_the_query_goes_before_messages() -> None:
    asked = {1: [{"userId": "ann"}], 2: [{"userId": "bob"}]}
    assert find_user(connections("/ws?uid=1&lang=en", "/ws?lang=en&uid=2"), asked, {}) == "query:uid"
    assert find_user(connections("/ws", "/ws"), asked, {}) == "$.userId"


@pytest.mark.parametrize("name", ["user_id", "userId", "user", "uid", "userName", "accountId"])
def test_a_member_that_names_one_on_each_connection(name: str) -> None:
    heard = {1: [{"data": {name: "ann"}}, {"other": 1}], 2: [{"data": {name: 7}}]}
    assert find_user(connections("/", "/"), {}, heard) == f"$.data.{name}"


def test_what_clients_say_goes_before_what_reaches_them() -> None:
    asked, heard = {1: [{"user": "ann"}]}, {1: [{"user_id": "ann"}, {"user_id": "bob"}]}
    assert find_user(connections("/"), asked, heard) == "$.user"


def test_nothing_is_proposed_where_the_handshake_names_users_or_a_member_names_many() -> None:
    assert find_user(connections("/ws?uid=1", user="ann"), {}, {}) is None
    assert find_user(connections("/"), {1: [{"user": name} for name in ("ann", "bob", "eve")]}, {}) is None
    assert find_user(connections("/", "/", "/"), {1: [{"user": "ann"}]}, {}) is None
    assert find_user([], {}, {}) is None


def test_one_that_reached_the_wrong_user_does_not_hide_the_place() -> None:
    assert find_user(connections("/"), {}, {1: [*[{"user": "ann"}] * 9, {"user": "bob"}]}) == "$.user"
