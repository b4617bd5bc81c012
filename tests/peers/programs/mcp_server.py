"""A server of the Model Context Protocol over WebSocket, by the official library: a tool that tells its progress."""

import sys
import warnings

warnings.simplefilter("ignore", DeprecationWarning)

import uvicorn  # noqa: E402
from mcp.server.fastmcp import Context, FastMCP  # noqa: E402
from mcp.server.websocket import websocket_server  # noqa: E402

app = FastMCP("weather")


@app.tool()
async def forecast(city: str, context: Context) -> str:
    """Tomorrow's weather."""
    await context.report_progress(1, 2)
    await context.info("half of it")
    return f"rain in {city}"


async def serve(scope, receive, send):
    if scope["type"] == "websocket":
        async with websocket_server(scope, receive, send) as streams:
            await app._mcp_server.run(*streams, app._mcp_server.create_initialization_options())


uvicorn.run(serve, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", lifespan="off")
