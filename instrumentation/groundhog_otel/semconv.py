"""Names from the OpenTelemetry semantic conventions that this package emits.

Our own copy, because every MCP constant in ``opentelemetry-semantic-conventions`` is deprecated there ("moved") and
its ``create_mcp_*`` helpers carry no bucket boundaries. Sources:

* MCP: ``open-telemetry/semantic-conventions-genai``, ``docs/gen-ai/mcp.md`` (status: development)
* process and system: ``open-telemetry/semantic-conventions`` v1.44.0 (process.*: release candidate)
"""

from __future__ import annotations

from typing import Final

GENAI_SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"

# --- MCP span and metric attributes -------------------------------------------------------------------------------
MCP_METHOD_NAME: Final = "mcp.method.name"
MCP_PROTOCOL_VERSION: Final = "mcp.protocol.version"
MCP_RESOURCE_URI: Final = "mcp.resource.uri"
MCP_SESSION_ID: Final = "mcp.session.id"
JSONRPC_REQUEST_ID: Final = "jsonrpc.request.id"
JSONRPC_PROTOCOL_VERSION: Final = "jsonrpc.protocol.version"
RPC_RESPONSE_STATUS_CODE: Final = "rpc.response.status_code"
ERROR_TYPE: Final = "error.type"
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_TOOL_NAME: Final = "gen_ai.tool.name"
GEN_AI_TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
GEN_AI_TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
GEN_AI_PROMPT_NAME: Final = "gen_ai.prompt.name"
NETWORK_TRANSPORT: Final = "network.transport"
NETWORK_PROTOCOL_NAME: Final = "network.protocol.name"
NETWORK_PROTOCOL_VERSION: Final = "network.protocol.version"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
CLIENT_ADDRESS: Final = "client.address"
CLIENT_PORT: Final = "client.port"

# --- MCP metrics: histograms in seconds ---------------------------------------------------------------------------
MCP_CLIENT_OPERATION_DURATION: Final = "mcp.client.operation.duration"
MCP_SERVER_OPERATION_DURATION: Final = "mcp.server.operation.duration"
MCP_CLIENT_SESSION_DURATION: Final = "mcp.client.session.duration"
MCP_SERVER_SESSION_DURATION: Final = "mcp.server.session.duration"
MCP_DURATION_BUCKETS_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
"""The boundaries that the MCP conventions ask for, in seconds. 0.05, 0.1 and 0.5 are our budgets, exactly."""

# --- Ours: what an analysis asks for, on request ------------------------------------------------------------------
REQUEST_SIZE: Final = "groundhog.mcp.request.size"
"""Bytes of a request's parameters as JSON, without ``_meta`` (int)."""
RESPONSE_SIZE: Final = "groundhog.mcp.response.size"
"""Bytes of its result as JSON (int); absent where the answer is an error."""
REQUEST_DIGEST: Final = "groundhog.mcp.request.digest"
"""The same for the same parameters within one process, and telling nothing of them: a keyed hash (str)."""
CPU_TIME: Final = "groundhog.cpu.time"
"""Seconds of CPU that the threads of whoever handles the request have spent on it (float), or more."""
CPU_DELAY: Final = "groundhog.cpu.delay"
"""Seconds for which those threads could have gone on and were given no CPU (float): by the host, or by a quota."""
RESULT_TTL: Final = "groundhog.mcp.result.ttl"
"""Seconds for which the server says that the result stays good (float); absent where it says nothing."""

# --- Ours: profiles -----------------------------------------------------------------------------------------------
PROFILE_ID: Final = "groundhog.profile.id"
"""Of a span: the profile in which its operation was seen (str, 32 hexadecimal digits)."""
