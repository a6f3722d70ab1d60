"""Asks `tapio mcp` over the official client what its arguments say, and prints a line for each.

    mcp_client.py PROGRAM DATA_DIR TOOL JSON [TOOL JSON...]
"""

import asyncio
import json
import sys

from mcp import ClientSession, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main(program, data_dir, calls):
    server = StdioServerParameters(command=program, args=["mcp", "--data-dir", data_dir])
    async with stdio_client(server) as (incoming, outgoing):
        async with ClientSession(incoming, outgoing) as session:
            about = (await session.initialize()).model_dump(mode="json", by_alias=True)
            print(json.dumps(about))
            await session.send_ping()
            tools = (await session.list_tools()).model_dump(mode="json", by_alias=True)
            print(json.dumps(tools))
            for tool, arguments in calls:
                try:
                    answer = await session.call_tool(tool, json.loads(arguments))
                    said = answer.model_dump(mode="json", by_alias=True)
                except MCPError as error:
                    said = {"refused": error.error.message}
                print(json.dumps(said))


program, data_dir, *rest = sys.argv[1:]
asyncio.run(main(program, data_dir, list(zip(rest[::2], rest[1::2]))))
