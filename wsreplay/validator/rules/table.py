"""The rules about messages, each a file of its own: a new one is its file and one line here.

Every kind of rule that the contract language has and that is neither a template nor a span stands here with its monitor, in the
order in which they look at an event. What belongs to whom comes first, but for counters, in which the numbers of everybody's
events count, and for what asks, which says whose something is: an event of somebody else's is looked at no further.
"""

from __future__ import annotations

from wsreplay.contract.model import Rule
from wsreplay.contract.rules.isolation import Bind, Canary, Confine
from wsreplay.contract.rules.latency import Latency
from wsreplay.contract.rules.left_open import LeftOpen
from wsreplay.contract.rules.needs import Needs
from wsreplay.contract.rules.questions import Questions
from wsreplay.contract.rules.reconnect import Reconnect
from wsreplay.contract.rules.schema import Schema
from wsreplay.contract.rules.sequence import SequenceRule
from wsreplay.contract.rules.silence import Silence
from wsreplay.contract.rules.startup import Startup
from wsreplay.contract.rules.unique import Unique
from wsreplay.contract.rules.unknown import Unknown
from wsreplay.contract.rules.waits import Waits
from wsreplay.validator.rules.canary import CanaryMonitor
from wsreplay.validator.rules.confine import ConfineMonitor
from wsreplay.validator.rules.isolation import BindMonitor
from wsreplay.validator.rules.latency import LatencyMonitor
from wsreplay.validator.rules.left_open import LeftOpenMonitor
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.rules.needs import NeedsMonitor
from wsreplay.validator.rules.questions import QuestionsMonitor
from wsreplay.validator.rules.reconnect import ReconnectMonitor
from wsreplay.validator.rules.schema import SchemaMonitor
from wsreplay.validator.rules.sequence import SequenceMonitor
from wsreplay.validator.rules.silence import SilenceMonitor
from wsreplay.validator.rules.startup import StartupMonitor
from wsreplay.validator.rules.unique import UniqueMonitor
from wsreplay.validator.rules.unknown import UnknownMonitor
from wsreplay.validator.rules.waits import WaitsMonitor

MESSAGE_RULES: dict[type[Rule], type[MessageMonitor]] = {
    SequenceRule: SequenceMonitor,
    Questions: QuestionsMonitor,
    Bind: BindMonitor,
    Confine: ConfineMonitor,
    Canary: CanaryMonitor,
    Unknown: UnknownMonitor,
    Schema: SchemaMonitor,
    Latency: LatencyMonitor,
    Unique: UniqueMonitor,
    Needs: NeedsMonitor,
    Startup: StartupMonitor,
    Waits: WaitsMonitor,
    Silence: SilenceMonitor,
    Reconnect: ReconnectMonitor,
    LeftOpen: LeftOpenMonitor,
}
