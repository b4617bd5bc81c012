"""What the relay tells the telemetry process, a line of JSON at a time: which recordings there are, and how it is doing."""

from __future__ import annotations

import msgspec

TELL_EVERY_S = 1.0
# A relay that has said nothing for so long is stuck, or gone.
SILENT_AFTER_S = 5.0


class RelayStatus(msgspec.Struct, omit_defaults=True):
    """The relay's own counts. `stalled` says why nothing can be recorded at the moment; empty where all is well."""

    bytes: int = 0
    uncommitted_bytes: int = 0
    recorder_lag_ns: int = 0
    recorder_restarts: int = 0
    open_connections: int = 0
    http_requests: int = 0
    faults: int = 0
    stalled: str = ""


class Notice(msgspec.Struct, omit_defaults=True):
    """One line: a recording that is written from now on, `instead` of one that was moved there; or a status."""

    recording: str = ""
    instead: str = ""
    status: RelayStatus | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Notice)


def write_notice(notice: Notice) -> bytes:
    """A line with its end."""
    return _encoder.encode(notice) + b"\n"


def read_notice(line: bytes) -> Notice:
    """The notice of a line. Raises ValueError."""
    return _decoder.decode(line)


class TelemetryOptions(msgspec.Struct, omit_defaults=True):
    """How a telemetry process is started: the descriptor of the socket that it serves metrics on, where spans go, and the
    contract that says what runs are ("" for the one that fits), and where users are named."""

    listener: int | None = None
    otlp: str = ""
    contract: str = ""
    users: tuple[str, ...] = ()


def write_options(options: TelemetryOptions) -> str:
    """For the command line of the process."""
    return _encoder.encode(options).decode()


def read_options(text: bytes) -> TelemetryOptions:
    """The options of its command line. Raises ValueError."""
    return msgspec.json.decode(text, type=TelemetryOptions)
