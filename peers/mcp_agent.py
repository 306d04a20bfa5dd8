"""
An agent by the Model Context Protocol's own client for Python.

URL KEY PROJECT IMAGE [VERSION]: prints what the tools answer it, as JSON. VERSION pins the protocol's.
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main(url, key, project, image, version="auto"):
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=version) as client:
            listed = await client.list_tools()
            asked = {"project_id": project, "image": {"id": image}, "prompts": [{"box": [35, 20, 85, 70]}]}
            found = await client.call_tool("predict", {**asked, "overlay": True})
            wrong = await client.call_tool("predict", {**asked, "overlya": True})
            print(
                json.dumps(
                    {
                        "protocol": client.protocol_version,
                        "tools": [tool.name for tool in listed.tools],
                        "content": [part.type for part in found.content],
                        "found": found.structured_content,
                        "wrong": json.loads(wrong.content[0].text),
                        "is_error": wrong.is_error,
                    }
                )
            )


asyncio.run(main(*sys.argv[1:]))
