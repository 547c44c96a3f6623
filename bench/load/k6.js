// The same call as ours, as k6 makes it: HTTP with a JSON body, for it has no MCP client.
import http from "k6/http";
import { check } from "k6";

export const options = {
  vus: Number(__ENV.USERS),
  duration: `${__ENV.DURATION}s`,
  summaryTrendStats: ["med", "p(99)"],
};

const body = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "look", arguments: { word: "x" } },
});
const headers = {
  "Content-Type": "application/json",
  Accept: "application/json, text/event-stream",
  "MCP-Protocol-Version": "2025-06-18",
};

export default function () {
  const answer = http.post(__ENV.URL, body, { headers });
  check(answer, { answered: (one) => one.status === 200 && one.body.includes('"x"') });
}
