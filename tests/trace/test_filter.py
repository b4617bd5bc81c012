from __future__ import annotations

from types import SimpleNamespace

import pytest

from wsreplay.errors import FilterError
from wsreplay.model import FIN, Connection, Ending, Frame, Opcode
from wsreplay.store.condition import FALSE, TRUE
from wsreplay.trace import filter as filters
from wsreplay.trace.filter import Context

SECOND = 1_000_000_000


def frame(payload: bytes = b"", type: str | None = None, *, id: int = 1, connection: int = 1, t: float = 0.0,
          direction: int = 1, opcode: int = Opcode.TEXT) -> Frame:  # fmt: skip
    return Frame(id, connection, id, round(t * SECOND), direction, opcode, FIN, len(payload) + 2, 0, type, payload)


CONTEXT = Context(
    sessions={1: 1, 2: 1, 3: 2},
    users={1: "ada", 2: "ada", 3: None},
    judged={7: ((2, "tool"), (1, "latency"))},
)


def matches(text: str, one: Frame, context: Context = CONTEXT) -> bool:
    return filters.parse(text).matches(one, context)


@pytest.mark.parametrize(
    ("text", "hit", "miss"),
    [
        ("type:agent_started", frame(type="agent_started"), frame(type="agent_starte")),
        ("type:tool_*", frame(type="tool_x"), frame(type="my_tool_x")),
        ("type:*_tool_*", frame(type="my_tool_x"), frame(type="tool_x")),
        ("type:a*a", frame(type="aa"), frame(type="a")),
        ('type:"a*"', frame(type="a*"), frame(type="ab")),
        (r"type:a\*", frame(type="a*"), frame(type="ab")),
        ("type:*", frame(type=""), frame()),
        ("!type:*", frame(), frame(type="x")),
        ("type!=ping", frame(), frame(type="ping")),
        ("dir:c2s", frame(direction=0), frame(direction=1)),
        ("op:ping", frame(opcode=9), frame(opcode=10)),
        ("conn:2", frame(connection=2), frame(connection=1)),
        ("conn>=2", frame(connection=3), frame(connection=1)),
        ("session:1", frame(connection=2), frame(connection=3)),
        ("session>1", frame(connection=3), frame(connection=4)),
        ("user:a*", frame(connection=2), frame(connection=3)),
        ("thread:t1", frame(b'{"thread_id": "t1"}'), frame(b'{"thread_id": "t12"}')),
        ("thread:t1", frame(b'{"payload": {"thread_id": "\\u0074\\u0031"}}'), frame(b'{"payload": "t1"}')),
        ("run:7", frame(b'{"run_id": 7}'), frame(b'{"run_id": true}')),
        ("sev:error", frame(id=7), frame(id=8)),
        ("sev>=warning", frame(id=7), frame(id=8)),
        ("sev<error", frame(id=7), frame(id=8)),
        ("rule:lat*", frame(id=7), frame(id=8)),
        ("size>3", frame(b"abcd"), frame(b"abc")),
        ("size<=1.5kB", frame(b"a" * 1500), frame(b"a" * 1501)),
        ("size=1KiB", frame(b"a" * 1024), frame(b"a" * 1000)),
        ("t>=1.5s", frame(t=1.5), frame(t=1.499)),
        ("t<250ms", frame(t=0.249), frame(t=0.25)),
        ("t>1:30", frame(t=90.1), frame(t=90)),
        ("t>1:00:00", frame(t=3601), frame(t=3599)),
        ("timeout", frame(b"a timeout here"), frame(b"a time out")),
        ('"two words"', frame(b"the two words"), frame(b"two  words")),
        ('"é\\n\\""', frame('é\n"'.encode()), frame(b"e")),
        ("/fai.ed/", frame(b"it failed"), frame(b"it fails")),
        ("/FAILED/i", frame(b"it failed"), frame(b"it fails")),
        (r"/a\/b/", frame(b"a/b"), frame(rb"a\/b")),
        (r"/a\.b/", frame(b"a.b"), frame(b"a-b")),
        ("$.a.b", frame(b'{"a": {"b": null}}'), frame(b'{"a": {}}')),
        ("$.a[-1]=3", frame(b'{"a": [1, 3]}'), frame(b'{"a": [3, 1]}')),
        ("$['a b']=x", frame(b'{"a b": "x"}'), frame(b'{"a b": "xy"}')),
        ("$.n=1", frame(b'{"n": 1.0}'), frame(b'{"n": "1"}')),
        ("$.n=1", frame(b'{"n": 1}'), frame(b'{"n": true}')),
        ("$.n>=1.5", frame(b'{"n": 2}'), frame(b'{"n": 1.4}')),
        ('$.n="1"', frame(b'{"n": "1"}'), frame(b'{"n": 1}')),
        ("$.ok=true", frame(b'{"ok": true}'), frame(b'{"ok": 1}')),
        ("$.ok=null", frame(b'{"ok": null}'), frame(b"{}")),
        ("$.s=a*z", frame(b'{"s": "a-z"}'), frame(b'{"s": "a-"}')),
        ('$.s>"b"', frame(b'{"s": "c"}'), frame(b'{"s": 3}')),
        ("$.s!=a", frame(b'{"s": "b"}'), frame(b'{"s": "a"}')),
        ("$.s!=a", frame(b"no json"), frame(b'{"s": "a"}')),
        ("a b", frame(b"b a"), frame(b"a")),
        ("a | b", frame(b"b"), frame(b"c")),
        ("a b | c", frame(b"c"), frame(b"a")),
        ("a (b | c)", frame(b"ac"), frame(b"bc")),
        ("!(a | b)", frame(b"c"), frame(b"b")),
        ("!a !b", frame(b"c"), frame(b"b")),
        ("type:a|type:b", frame(type="b"), frame(type="c")),
    ],
)
def test_what_a_filter_lets_through(text: str, hit: Frame, miss: Frame) -> None:
    assert matches(text, hit)
    assert not matches(text, miss)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("t>2500ms", "t>2.5s"),
        ("t>=1:40", "t>=100s"),
        ("t<1ms", "t<0.001s"),
        ("sev>=warning", "sev>=warning"),
        ("dir:s2c", "dir:s2c"),
        ("op!=close", "!op:close"),
        ("conn:3", "conn:3"),
    ],
)
def test_a_filter_is_written_as_it_is_read(text: str, canonical: str) -> None:
    assert str(filters.parse(text)) == canonical
    assert filters.parse(canonical) == filters.parse(text)


def test_an_empty_filter_lets_everything_through() -> None:
    for text in ("", "  "):
        empty = filters.parse(text)
        assert empty.is_empty
        assert empty.matches(frame(), CONTEXT)
        assert empty.where(CONTEXT) == TRUE


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("a typ:x", 2, 'unknown field "typ"; did you mean type?; quote the text to search for it'),
        ("https://x", 0, 'unknown field "https" (there are type, dir, op, conn, session, user, thread, run, sev, rule, size,'
                         " t); quote the text to search for it"),
        ("dir:up", 4, 'unknown direction "up" (there are c2s, s2c)'),
        ("op:pig", 3, 'unknown opcode "pig"; did you mean ping?'),
        ("sev>=warn", 5, 'unknown severity "warn"; did you mean warning?'),
        ("conn:x", 5, "'x' is not a whole number"),
        ("conn:99999999999999999999", 5, "'99999999999999999999' is not a whole number"),
        ("size>10kg", 5, "'10kg' is not a size; write bytes, or a unit of kB MB GB TB KiB MiB GiB TiB, as in 64kB or 1.5MiB"),
        ("t>1 x t>3x", 8, "'3x' is not a duration; write ns, us, ms, s, m, h, d, w, as in 250ms or 1m30s, or m:ss"),
        ("t>1:3:4:5", 2, "'1:3:4:5' is not a duration; write ns, us, ms, s, m, h, d, w, as in 250ms or 1m30s, or m:ss"),
        ("t>99999999999", 2, "'99999999999' is too large"),
        ("type>a", 0, '"type" has no order: write type:value'),
        ("type:", 5, "a value is missing here"),
        ("(a | b", 0, "this ( is never closed"),
        ("a (b (c)", 2, "this ( is never closed"),
        ("a)", 1, "this ) closes nothing: remove it, or quote it to search for it"),
        ("()", 1, "something to match is missing here"),
        ("a |", 3, "something to match is missing here"),
        ("| a", 0, "something to match is missing here"),
        ("a !", 2, "! needs a term after it"),
        ('a "b', 2, 'this " is never closed'),
        (r'"\x"', 0, 'an escape that JSON does not know (\\" \\\\ \\n \\t \\u00e9)'),
        (r'"\ud800"', 0, 'an escape that JSON does not know (\\" \\\\ \\n \\t \\u00e9)'),
        ("/a(/", 1, "not a regular expression: missing ): a("),
        ("/abc", 0, "a /regular expression/ that is never closed, or empty; quote a path to search for it"),
        ("/ws/chat", 4, 'unknown flag "chat": only i (ignore case); quote a path to search for it'),
        ("x /a(?=b)/", 4, "lookaheads (?=…) are not supported: patterns are matched in one pass over the text"),
        ("$.a..b=1", 0, "'$.a..b' is not a singular JSON path, at column 4: names and indexes only, as in $.a['b c'][0]"),
        ("$.a[*]", 0, "'$.a[*]' is not a singular JSON path, at column 4: names and indexes only, as in $.a['b c'][0]"),
        ("$.a=", 4, "a value is missing here"),
        ("$.a>true", 4, "> compares numbers and texts only"),
        ("$.a=1.2.3", 4, '"1.2.3" is not a number: quote it to compare it as text'),
        ("$.a=1e999", 4, '"1e999" is not a number: quote it to compare it as text'),
        ("$.a\"b\"", 3, "a comparison (= != > >= < <=), or a space, was expected here"),
        ("tool_*", 0, "a word is searched in the payload as it is: write type:tool_* for types, or quote it to search for a"
                      ' "*"'),
        ("a\\", 1, "\\ at the end"),
        ("a\ud800", 1, "not a valid character"),
        ("(" * 60, 50, "nested too deeply: more than 50 levels"),
        ("!" * 60, 50, "nested too deeply: more than 50 levels"),
        ("a " * 300, 400, "too long: more than 200 terms"),
        ("a" * 5000, 4000, "too long: more than 4000 characters"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_a_way_out(text: str, position: int, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        filters.parse(text)
    assert (caught.value.message, caught.value.position) == (message, position)


@pytest.mark.parametrize(
    ("texts", "negated_too"),
    [
        ("type:a type:a*b dir:c2s op:ping conn:1 session:1 user:ada sev>=error rule:tool size>1 t>1s word", True),
        ("thread:t run:r $.a=b", False),
    ],
)
def test_what_a_filter_asks_narrows_what_is_read(texts: str, negated_too: bool) -> None:
    for text in texts.split():
        conditions = {text: filters.parse(text).where(CONTEXT), f"!{text}": filters.parse(f"!{text}").where(CONTEXT)}
        assert [around for around, condition in conditions.items() if condition in (TRUE, FALSE)] == (
            [] if negated_too else [f"!{text}"]
        )


def test_a_filter_says_whether_it_needs_a_judgement() -> None:
    assert filters.parse("a | !(b sev:error)").needs_judgement
    assert not filters.parse("a | !(b type:error)").needs_judgement


def test_the_context_of_a_recording_knows_sessions_users_and_findings() -> None:
    connections = [
        Connection(1, 1, 0, closed_ns=5, user="ada", ending=Ending.DROPPED),
        Connection(2, 1, 6, user="ada"),
        Connection(3, 1, 7),
    ]
    findings = [
        SimpleNamespace(rule="tool", severity="error", activation=3, frames=(3, 9)),
        SimpleNamespace(rule="latency", severity="warning", activation=None, frames=(9,)),
    ]
    context = Context.of(SimpleNamespace(connections=lambda: connections), SimpleNamespace(findings=findings))
    assert context.sessions == {1: 1, 2: 1, 3: 2}
    assert context.users == {1: "ada", 2: "ada", 3: None}
    assert context.judged == {3: ((2, "tool"),), 9: ((1, "latency"), (2, "tool"))}


def test_threads_may_be_read_by_another_key() -> None:
    context = Context(thread=lambda document: document["conversation"] if isinstance(document, dict) else None)
    assert matches("thread:c1", frame(b'{"conversation": "c1"}'), context)
    assert filters.parse("thread:c1").where(context) == TRUE


def test_what_sql_can_say_it_says() -> None:
    def where(text: str) -> str:
        return filters.parse(text).where(CONTEXT).text

    assert where("op:ping !dir:c2s") == "(opcode = ? AND NOT (direction = ?))"
    assert where("/x/ conn:3") == "connection_id = ?"
    assert where("/x/ | conn:3") == "1"
    assert where("user:ada") == "connection_id IN (1,2)"
    assert where("user:nobody") == "0"
    assert where("rule:tool") == "id IN (7)"
    assert where("!$.a=1") == "1"
