"""Connect, and list: what a toolbox needs before the first call, and again after the connection was lost."""

from __future__ import annotations

from collections.abc import Callable

from mcp_types import ListToolsResult, PaginatedRequestParams

from mcpbridge.adapters.mcp_servers.advice import advice
from mcpbridge.adapters.mcp_servers.connection import Connection
from mcpbridge.adapters.mcp_servers.failures import not_connected
from mcpbridge.adapters.mcp_servers.listing import Listed, all_pages, usable
from mcpbridge.adapters.mcp_servers.offering import OfferingCaller, with_offered
from mcpbridge.adapters.mcp_servers.sending import FORGOTTEN, Sending
from mcpbridge.adapters.mcp_servers.settings import BridgedServer
from mcpbridge.core.question import visible
from mcpbridge.errors import ServerError
from mcpbridge.ports import Listing


class Opened:
    """An open connection with the tools that were listed on it."""

    def __init__(self, connection: Connection, listed: Listed) -> None:
        self.connection = connection
        self.take(listed)

    def take(self, listed: Listed) -> None:
        listed = with_offered(self.connection, listed)
        self._listed = listed
        self.caller = OfferingCaller(
            self.connection, {tool.name: tool.output_schema for tool in listed.tools}
        )

    async def relist(self) -> None:
        """Raises ServerUnavailable."""
        self.take(await _listed(self.connection))

    def listing(self, epoch: int) -> Listing:
        client = self.connection.client
        about = client.server_info
        return Listing(
            tools=self._listed.tools,
            epoch=epoch,
            protocol=client.protocol_version,
            server=visible(f"{about.name} {about.version}", newlines=False) if about else "",
            instructions=client.instructions or "",
            refused=self._listed.refused,
            left_out=self._listed.left_out,
            offered=self._listed.offered,
        )


async def opened(
    server: BridgedServer, changed: Callable[[], None], begun: Callable[[Connection], None]
) -> Opened:
    """Raises ServerUnavailable, AuthRefused or RateLimited; then nothing is left open. `begun` is told of the
    connection first: cancelled more than once, this does not wait for its end."""
    connection = Connection(server, changed)
    begun(connection)
    await connection.open()
    try:
        return Opened(connection, await _listed(connection))
    except BaseException:  # boundary: whatever kept it from listing, the connection is closed
        await connection.close()
        raise


async def _listed(connection: Connection) -> Listed:
    server, bounds = connection.server, connection.server.bounds
    if connection.client.server_capabilities.tools is None and not connection.assumed:
        return Listed(tools=(), refused={})
    sending = Sending(limit=bounds.listing_bytes)
    connection.begin(sending)

    async def page(cursor: str | None) -> ListToolsResult:
        return await connection.client.session.list_tools(params=PaginatedRequestParams(cursor=cursor))

    try:
        async with sending.within(bounds.listing):
            pages = await all_pages(page, label=server.label, pages=bounds.pages)
    except ServerError:
        raise
    except Exception as error:  # noqa: BLE001 # boundary: whatever a server provokes in the SDK; told by name
        if sending.session_lost and sending.status in FORGOTTEN:
            connection.retire()
        behind = advice(server, sending)
        failure = not_connected(server.label, error, sending, connection.errors.last, behind)
        raise failure from failure.__cause__ or error
    finally:
        connection.end(sending)
    tools = [tool for each in pages for tool in each.tools]
    return usable(tools, label=server.label, identity=server.identity, bounds=bounds)
