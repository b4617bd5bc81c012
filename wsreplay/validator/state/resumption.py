"""At which connection of a session an instance goes on: where it began, or where an event of it came after a reconnect.

Asked for only where a connection's end is to be told, so no event of an ordinary connection pays for it: a resumed connection
looks up instances in tables of its own for as long as one is open that began before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsreplay.validator.state.state import ConnectionState, Instance


class ResumedTable:
    """The open instances of one span, as generated source looks them up at a connection that resumes a session."""

    __slots__ = ("_conn", "_earlier", "_table")

    def __init__(self, table: dict[Any, Instance], conn: ConnectionState, earlier: set[Instance]) -> None:
        # the session's own; `earlier` are the instances, of all spans, of which nothing has come here yet
        self._table, self._conn, self._earlier = table, conn, earlier

    def get(self, key: Any) -> Instance | None:
        """The instance that an event belongs to, if it is open."""
        instance = self._table.get(key)
        if instance in self._earlier:
            self._go_on(instance)
        return instance

    def _go_on(self, instance: Instance) -> None:
        go_on(instance, self._conn)
        part: Instance | None = instance
        while part is not None:
            self._earlier.discard(part)
            part = part.parent
        if not self._earlier:
            bind_tables(self._conn, self._conn.session.spans)


def bind_tables(conn: ConnectionState, tables: Sequence[Any]) -> None:
    """Give generated source the tables of the spans in which it looks up instances, by the span's number."""
    conn.bind_attributes({f"span{number}": table for number, table in enumerate(tables)})


def open_spans(conn: ConnectionState) -> None:
    """A connection opens: give it the tables of its session's spans. One that resumes it learns what goes on at it."""
    tables = conn.session.spans
    earlier = {instance for table in tables for instance in table.values()}
    conn.session.places = {instance: place for instance, place in conn.session.places.items() if instance in earlier}
    bind_tables(conn, [ResumedTable(table, conn, earlier) for table in tables] if earlier else tables)


def go_on(instance: Instance, conn: ConnectionState) -> None:
    """An event of an instance came at this connection: it goes on here, and so does what it is part of."""
    part: Instance | None = instance
    while part is not None:
        if place_of(part) is not conn:
            conn.session.places[part] = conn
        part = part.parent


def place_of(instance: Instance) -> ConnectionState:
    """The connection at which an instance went on last."""
    return instance.session.places.get(instance, instance.conn)
