"""Which ids parts have in common."""

from __future__ import annotations

from wsreplay.validator.claims import Claims
from wsreplay.validator.reporting import IN_A_URL


def claims(**ids: str | list[object]) -> Claims:
    """Ids by key, all of one owner."""
    made = Claims()
    for key, values in ids.items():
        for value in values:
            made.add(key, value, "ann")
    return made


def test_parts_share_an_id_only_of_the_same_key() -> None:
    assert claims(run=[1, 2]).shares_ids(claims(run=[2, 3]))
    assert not claims(run=[1]).shares_ids(claims(run=[2], thread=[1]))
    assert not claims(run=[1]).shares_ids(claims())


def test_what_a_url_names_is_shared_where_it_came_as_an_id_elsewhere() -> None:
    named = claims()
    named.add("thread" + IN_A_URL, "7", "ann")
    assert named.shares_ids(claims(thread=[7]))
    assert claims(thread=["7"]).shares_ids(named)
    assert not named.shares_ids(named)


def test_long_ids_are_told_apart_though_not_kept() -> None:
    assert claims(run=["a" * 1_000]).shares_ids(claims(run=["a" * 1_000]))
    assert not claims(run=["a" * 1_000]).shares_ids(claims(run=["a" * 999 + "b"]))
    ((_, name, _, _),) = claims(run=["a" * 1_000]).named()
    assert len(name) < 100
