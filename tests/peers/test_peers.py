"""Each protocol with peers that we have not written: see `conftest.py` for what each has to show."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.peers.conftest import PROGRAMS, Peer, chainlit, jupyter_server, running, take_end_to_end, unused

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]
Python = Callable[..., Path]


def node(program: str) -> tuple[str, str]:
    return "node", str(PROGRAMS / program)


def server(python: Path | str, program: str, path: str = "") -> Callable[[], AbstractAsyncContextManager[str]]:
    """What starts a server of ours, a file in `programs/`, on a port of its own."""
    (port,) = unused()
    return lambda: running([str(python), str(PROGRAMS / program), str(port)], {}, port, path)


def environment_of(modules: Path) -> dict[str, str]:
    return {"NODE_PATH": str(modules / "node_modules")}


def contract_of(name: str, decoder: str, *rules: str, keys: str = "") -> str:
    """A contract with these rules and keys, each without its braces, in which every message may come."""
    lines = [f"contract: {name}", f"envelope: {{type: $.type, decoder: {decoder}}}", f"keys: {{{keys}}}"]
    return "\n".join([*lines, 'known: ["*"]', "rules:", *(f"  - {{{rule}}}" for rule in rules)])


async def test_socket_io_from_pypi_with_the_client_from_npm(node_modules: Path, python_with: Python, tmp_path: Path) -> None:
    python = python_with("python-socketio", "uvicorn", "websockets")
    contract = contract_of(
        "chat over socket.io", "socket.io",
        'id: acknowledged, response: ["c2s:chat", "s2c:chat:ack"]',
        'id: completed, response: ["s2c:agent_started", "s2c:agent_completed"]',
    )
    await take_end_to_end(
        Peer("python-socketio with socket.io-client", "socket.io", server(python, "socket_io_server.py"),
             node("socket_io_client.cjs"), contract, environment_of(node_modules), ["sid"]),
        tmp_path,
    )  # fmt: skip


async def test_an_application_of_chainlit_with_the_client_from_npm(
    node_modules: Path, python_with: Python, tmp_path: Path
) -> None:
    python, (port,) = python_with("chainlit"), unused()
    command = chainlit(python, port)
    environment = {"CHAINLIT_APP_ROOT": str(tmp_path)}
    contract = contract_of(
        "chat of chainlit", "socket.io",
        'id: greeted, response: ["c2s:connection_successful", "s2c:new_message"]',
        'id: answered, response: ["c2s:client_message", "s2c:task_end"]',
        'id: asked, response: ["s2c:ask", "c2s:ask:ack"]',
        'id: streamed, precedence: ["s2c:stream_start", "s2c:stream_token"]',
        keys="step: [$.id, $.msg.id], thread: [$.threadId, $.msg.threadId]",
    )
    await take_end_to_end(
        Peer("Chainlit with socket.io-client", "socket.io", lambda: running(command, environment, port),
             node("chainlit_client.cjs"), contract, environment_of(node_modules), ["sid", "createdAt", "start", "end"]),
        tmp_path,
    )  # fmt: skip


async def test_graphql_ws_from_npm(node_modules: Path, tmp_path: Path) -> None:
    (port,) = unused()
    environment = environment_of(node_modules)
    command = [*node("graphql_server.mjs"), str(port)]
    contract = "extends: graphql-transport-ws"
    await take_end_to_end(
        Peer("graphql-ws", "graphql", lambda: running(command, environment, port, "/graphql"), node("graphql_client.cjs"),
             contract, environment),
        tmp_path,
    )  # fmt: skip


async def test_python_lsp_server_from_pypi(python_with: Python, tmp_path: Path) -> None:
    python, (port,) = python_with("python-lsp-server[websockets]"), unused()
    command = [str(python), "-m", "pylsp", "--ws", "--host", "127.0.0.1", "--port", str(port)]
    contract = contract_of(
        "language server", "json-rpc",
        'id: answered, response: ["c2s:initialize", "s2c:initialize:result"]',
        'id: initialized-first, precedence: ["s2c:initialize:result", "c2s:textDocument/*"]',
    )
    client = (sys.executable, str(PROGRAMS / "lsp_client.py"))
    await take_end_to_end(
        Peer("python-lsp-server", "json-rpc", lambda: running(command, {}, port), client, contract, {}), tmp_path
    )


async def test_a_model_context_protocol_server_from_pypi(python_with: Python, tmp_path: Path) -> None:
    """WebSocket is a transport of the library's first version only."""
    python = python_with("mcp<2", "uvicorn", "websockets")
    contract = contract_of(
        "tools of a server", "json-rpc",
        'id: initialized-first, precedence: ["s2c:initialize:result", "c2s:tools/*"]',
        'id: answered, response: ["c2s:tools/call", "s2c:tools/call:result"]',
        'id: progress, precedence: ["c2s:tools/call", "s2c:notifications/progress"]',
    )
    client = (str(python), str(PROGRAMS / "mcp_client.py"))
    await take_end_to_end(
        Peer("MCP over WebSocket", "json-rpc", server(python, "mcp_server.py"), client, contract, {}), tmp_path
    )


@pytest.mark.parametrize(
    ("decoder", "path", "rules"),
    [
        ("phoenix", "/socket", ['id: joined-first, precedence: ["c2s:phx_join", "c2s:shout"]',
                                'id: heard, response: ["c2s:shout", "s2c:shouted"]']),
        ("signalr", "/hub", ['id: answered, response: ["c2s:Ask", "s2c:Ask:result"]',
                             'id: failed, response: ["c2s:Nothing", "s2c:Nothing:error"]']),
    ],
)  # fmt: skip
async def test_a_client_from_npm_with_a_server_of_ours(
    decoder: str, path: str, rules: list[str], node_modules: Path, tmp_path: Path
) -> None:
    start = server(sys.executable, f"{decoder}_server.py", path)
    await take_end_to_end(
        Peer(f"{decoder}'s client with a server of ours", decoder, start,
             node(f"{decoder}_client.cjs"), contract_of("client and server", decoder, *rules), environment_of(node_modules)),
        tmp_path,
    )  # fmt: skip


@pytest.mark.parametrize("form", ["v1", "json"])
async def test_a_kernel_of_jupyter_server_from_pypi(form: str, python_with: Python, tmp_path: Path) -> None:
    python, (port,) = python_with("jupyter_server", "ipykernel"), unused()
    command = jupyter_server(python, port, tmp_path)
    contract = contract_of(
        "kernel", "jupyter",
        'id: replied, response: ["c2s:execute_request", "s2c:execute_reply"]',
        'id: printed, response: ["c2s:execute_request", "s2c:stream"]',
    )
    environment = {"KERNEL": str(tmp_path / "kernel"), "FORM": form}
    client = (sys.executable, str(PROGRAMS / "jupyter_client.py"))
    why = "the server asks its kernel at its own times, and what two channels say races"
    await take_end_to_end(
        Peer(f"jupyter_server with a kernel, {form}", "jupyter", lambda: running(command, {}, port), client, contract,
             environment, not_replayed=why),
        tmp_path,
    )  # fmt: skip
