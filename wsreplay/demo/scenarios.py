"""What the demo agent can do, well and badly: one small script per scenario.

A script gets the user's message and yields steps; the backend numbers, stamps and sends them, a few milliseconds apart.
The table `SCENARIOS` says what each one must make of the contract `agent-chat`, so that tests and samples are driven by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Say:
    """Send one event. `agent` names a sub-agent: the event then belongs to its run, nested in the main one."""

    type: str
    payload: dict[str, Any] = field(default_factory=dict)
    tool: str = ""
    call: str = ""
    agent: str = ""
    held: float = 0.0  # seconds between the event's timestamp and its sending


@dataclass(frozen=True, slots=True)
class Swap:
    """Number two events in one order and send them in the other."""

    first: Say
    second: Say


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait, in seconds that the backend's pace does not scale."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Raw:
    """Send a text message as it stands, without an envelope."""

    text: str


class Repeat:
    """Send the last event again, with the same id and number."""


class Lose:
    """Use up a sequence number for an event that is never sent."""


class Drop:
    """Reset the TCP connection, without a close frame."""


class LeakAnswer:
    """Send this user a part of the answer to another user."""


Step = Say | Swap | Pause | Raw | Repeat | Lose | Drop | LeakAnswer
Script = Callable[[str], Iterator[Step]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One line of the table.

    `violates` are the rules of `agent-chat` that must be found violated, `follows` those that may be violated as a
    consequence; both empty means a clean verdict. `ends_with` is the type of the last message, None if none is to be
    expected. `seconds` is about how long it takes at pace 1.
    """

    name: str
    description: str
    script: Script
    violates: frozenset[str] = frozenset()
    follows: frozenset[str] = frozenset()
    seconds: float = 0.5
    ends_with: str | None = "agent_completed"
    comes_back: bool = True  # the client connects again where its connection is lost
    neighbour: bool = False  # needs another user who chats at the same time


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    description: str, *, violates: tuple[str, ...] = (), follows: tuple[str, ...] = (), **traits: Any
) -> Callable[[Script], Script]:
    """Enter a script into the table, under its function's name with dashes."""

    def enter(script: Script) -> Script:
        name = script.__name__.replace("_", "-")
        SCENARIOS[name] = Scenario(name, description, script, frozenset(violates), frozenset(follows), **traits)
        return script

    return enter


def started(message: str = "", agent: str = "") -> Say:
    payload = {"content": "Agent is starting to process your request", "agent": agent or "analyst"}
    return Say("agent_started", payload | ({"message": message} if message else {}), agent=agent)


def thinking(thought: str = "I need to look this up before I can answer…", agent: str = "") -> Say:
    return Say("agent_thinking", {"content": thought}, agent=agent)


def executing(tool: str = "search", call: str = "c1", agent: str = "", **arguments: Any) -> Say:
    return Say("tool_executing", {"content": f"Calling {tool}", "arguments": arguments}, tool, call, agent)


def executed(tool: str = "search", call: str = "c1", agent: str = "", result: str = "3 results") -> Say:
    return Say("tool_completed", {"content": f"{tool}: {result}", "result": result}, tool, call, agent)


def partial(content: str) -> Say:
    return Say("partial_result", {"content": content})


def completed(message: str = "", agent: str = "") -> Say:
    answer = f"Analysis complete: {message}" if message else "Analysis complete"
    return Say("agent_completed", {"content": answer}, agent=agent)


def opening(message: str) -> Iterator[Step]:
    """What most runs begin with: started, thought, one tool used."""
    yield started(message)
    yield thinking()
    yield executing(query=message)
    yield executed()


@scenario("Every event comes, in order and on time", ends_with="final_report")
def healthy(message: str) -> Iterator[Step]:
    yield from opening(message)
    yield partial("Latency rose after Tuesday's deployment")
    yield completed(message)
    yield Say("final_report", {"content": "1 finding, 2 recommendations"})


@scenario("A tool starts and never reports back", violates=("tool",), follows=("worked",))
def missing_event(message: str) -> Iterator[Step]:
    yield started(message)
    yield thinking()
    yield executing(query=message)
    yield completed(message)


@scenario("The agent's thoughts arrive after its tools", violates=("think-before-tools",))
def out_of_order(message: str) -> Iterator[Step]:
    yield started(message)
    yield executing(query=message)
    yield thinking("I should have said this before I searched")
    yield executed()
    yield completed(message)


@scenario("The first event comes too late", violates=("first-event",), seconds=3.0)
def slow_start(message: str) -> Iterator[Step]:
    yield Pause(2.3)
    yield from opening(message)
    yield completed(message)


@scenario("A tool needs longer than its 10 seconds", violates=("tool", "first-event"), seconds=11.0)
def slow_tool(message: str) -> Iterator[Step]:
    yield started(message)
    yield thinking()
    yield executing("crawl", query=message)
    yield Pause(10.3)
    yield executed("crawl")
    yield completed(message)


@scenario("An event is sent long after it was created", violates=("latency",), seconds=0.9)
def late_delivery(message: str) -> Iterator[Step]:
    yield from opening(message)
    yield Say("partial_result", {"content": "Stale by the time you read it"}, held=0.4)
    yield completed(message)


@scenario("A tool fails; the agent falls back and reports the failure", ends_with="error_event")
def failing_agent(message: str) -> Iterator[Step]:
    yield started(message)
    yield thinking()
    yield executing("database", query=message)
    yield Say("tool_error", {"content": "database: connection refused"}, "database", "c1")
    yield Say("agent_fallback", {"content": "Answering without the database"})
    yield Say("error_event", {"content": "The request could not be processed", "code": "AGENT_FAILED"})


@scenario("Three tools at once, interleaved, all of them answered")
def parallel_tools(message: str) -> Iterator[Step]:
    yield started(message)
    yield thinking("These three do not depend on each other")
    yield executing("search", "c1", query=message)
    yield executing("database", "c2", table="metrics")
    yield executing("search", "c3", query="baseline")
    yield executed("database", "c2", result="412 rows")
    yield executed("search", "c3")
    yield executed("search", "c1")
    yield completed(message)


@scenario("Calls without ids: the same tool twice, distinguished by order")
def tools_without_ids(message: str) -> Iterator[Step]:
    yield started(message)
    yield thinking()
    yield executing(call="", query=message)
    yield executing(call="", query="baseline")
    yield executed(call="")
    yield executed(call="", result="none")
    yield completed(message)


@scenario("The agent delegates to a sub-agent, whose run is nested in its own")
def sub_agent(message: str) -> Iterator[Step]:
    helper = "researcher"
    yield started(message)
    yield thinking("A researcher should look into this")
    yield executing("delegate", to=helper)
    yield started(agent=helper)
    yield thinking("What are the sources?", agent=helper)
    yield executing("library", "c2", helper, query=message)
    yield executed("library", "c2", helper)
    yield completed(agent=helper)
    yield executed("delegate", result="2 sources")
    yield completed(message)


@scenario(
    "An event from another user's thread reaches this user",
    violates=("thread-owner",),
    follows=("run",),
    neighbour=True,
    seconds=0.8,
)
def leak(message: str) -> Iterator[Step]:
    yield from opening(message)
    yield LeakAnswer()
    yield completed(message)


@scenario(
    "The connection is reset during a run; the client reconnects at once and misses nothing",
    violates=("reconnect",), seconds=1.0,
)  # fmt: skip
def dropped_connection(message: str) -> Iterator[Step]:
    yield from opening(message)
    yield Drop()
    yield partial("You did not see this when it was new")
    yield Pause(0.4)
    yield completed(message)


@scenario(
    "The connection is reset during a run, and the client never reconnects",
    violates=("reconnect",),
    follows=("run",),
    comes_back=False,
    seconds=4.0,
)
def lost_connection(message: str) -> Iterator[Step]:
    yield from opening(message)
    yield Drop()
    yield completed(message)


@scenario("The typing indicator turns on and off around the answer", ends_with="typing_stopped")
def typing(message: str) -> Iterator[Step]:
    yield Say("typing_started")
    yield from opening(message)
    yield completed(message)
    yield Say("typing_stopped")


@scenario("A partial result of more than one megabyte")
def large(message: str) -> Iterator[Step]:
    yield from opening(message)
    yield partial("All the log lines there are. " * 40_000)
    yield completed(message)


HOSTILE = (
    "Grüße, мир, 世界, שלום, 🧑‍🚀 e\u0301 · zero\u200bwidth · bidi \u202eesrever\u202c · null \x00 · "
    "terminal \x1b[31mred\x1b[0m\x07 · markup <img src=x onerror=alert(1)> · lines\u2028\u2029\r\n\t"
)


@scenario("Text of all kinds, including what terminals and pages must escape")
def unicode(message: str) -> Iterator[Step]:
    yield from opening(message)
    yield partial(HOSTILE)
    yield completed(message)


@scenario("Messages that are not JSON or not events: cut off, NaN, an unpaired surrogate, a list, no type", violates=("json",))
def broken_json(message: str) -> Iterator[Step]:
    yield from opening(message)
    yield Raw('{"type": "partial_result", "payload": {"content": "cut off in mid-sen')
    yield Raw('{"type": "partial_result", "payload": {"score": NaN}}')
    yield Raw('{"type": "partial_result", "payload": {"content": "\\ud83e"}}')
    yield Raw('["partial_result"]')
    yield Raw('{"payload": {"content": "of what kind am I?"}}')
    yield completed(message)


@scenario("The same event is sent twice", violates=("event-id",), follows=("seq",))
def duplicates(message: str) -> Iterator[Step]:
    yield from opening(message)
    yield partial("I say this twice")
    yield Repeat()
    yield completed(message)


@scenario("One event is lost: a number is missing in the sequence", violates=("seq",))
def sequence_gap(message: str) -> Iterator[Step]:
    yield from opening(message)
    yield partial("First half")
    yield Lose()
    yield completed(message)


@scenario("Two parts of the answer overtake each other", violates=("seq",))
def reordered(message: str) -> Iterator[Step]:
    yield from opening(message)
    yield Swap(partial("First half"), partial("Second half"))
    yield completed(message)


@scenario("The agent answers without having used a tool", violates=("worked",))
def no_tools(message: str) -> Iterator[Step]:
    yield started(message)
    yield thinking("I know this one by heart")
    yield completed(message)


@scenario("The agent keeps sending after it has reported its end", violates=("run",), ends_with="partial_result")
def after_the_end(message: str) -> Iterator[Step]:
    yield from opening(message)
    yield completed(message)
    yield partial("One more thing…")


@scenario("The run neither completes nor fails", violates=("run",), ends_with=None, seconds=31.0)
def stalled_run(message: str) -> Iterator[Step]:
    yield from opening(message)


def script_of(name: str, message: str) -> Iterator[Step]:
    """The steps of a scenario; a name that is not in the table makes a run that fails and says so."""
    if name in SCENARIOS:
        yield from SCENARIOS[name].script(message)
    else:
        yield started(message)
        yield thinking("I do not know what is wanted of me")
        yield Say("error_event", {"content": f"unknown scenario {name!r}", "code": "NO_SUCH_SCENARIO"})


SAMPLE_SCENARIOS: tuple[Scenario, ...] = tuple(SCENARIOS.values())
QUICK_SCENARIOS: tuple[Scenario, ...] = tuple(scenario for scenario in SAMPLE_SCENARIOS if scenario.seconds < 8)
DEMO_SCENARIOS: tuple[Scenario, ...] = tuple(scenario for scenario in SAMPLE_SCENARIOS if scenario.seconds < 15)
