"""A recording whose users are named in messages alone, one of whom came back."""

from __future__ import annotations

from pathlib import Path

from sample_chat import C2S, MS, S2C, Script

from wsreplay.model import Ending

PLACE = "$.d.who"
CONTRACT = f"""\
contract: hello
user: {PLACE}
envelope: {{type: $.op}}
rules: [{{id: no-boom, absence: ["s2c:boom"]}}]
"""


def write_named(path: Path) -> Path:
    """mia on connection 1; zoe on 2, which is lost, and again on 3: the sessions 1 and 2. zoe's breaks the contract."""
    script = Script(path)
    script.open(1, 0, user=None, closed_ns=900 * MS, ending=Ending.CLEAN, close_code=1000, closed_by="client")
    script.open(2, 10, user=None, closed_ns=400 * MS, ending=Ending.DROPPED, closed_by="server")
    script.open(3, 700, user=None, closed_ns=950 * MS, ending=Ending.CLEAN, close_code=1000, closed_by="client")
    for connection, at, who in ((1, 50, "mia"), (2, 60, "zoe"), (3, 720, "zoe")):
        script.say(connection, at - 30, S2C, raw=b'{"op":"welcome"}')
        script.say(connection, at, C2S, raw=b'{"op":"hello","d":{"who":"%s"}}' % who.encode())
    script.say(3, 800, S2C, raw=b'{"op":"boom"}')
    return script.write(1_000)


def write_contract(folder: Path) -> Path:
    """The contract that says where users are."""
    path = folder / "hello.yaml"
    path.write_text(CONTRACT)
    return path
