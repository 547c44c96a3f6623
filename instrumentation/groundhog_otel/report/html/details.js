// All that is known of one span.
const pairs = (rows) => {
  const table = made("table", "pairs");
  for (const [name, value] of rows) {
    const head = made("th", "", name);
    head.scope = "row";
    table.append(made("tr", "", head, made("td", value === "(text, left out)" ? "muted" : "", value === null ? "" : String(value))));
  }
  return table;
};

const describe = (recorded, span, into) => {
  if (span === undefined) return into.replaceChildren();
  const { spans, start_ms: start } = recorded.data;
  const [service, pid, kind, scope] = recorded.origin(span);
  const operation = recorded.operation(span);
  const length = spans.length[span];
  const facts = [
    ["took", duration(length)],
    ["began", `${clock(start + recorded.startOf(span) / 1000)} UTC${spans.at[span] > 0 ? `, ${duration(spans.at[span])} into the trace` : ""}`],
    ["service", pid === null ? service : `${service} (${pid})`],
    ["kind", kind],
    ["made by", scope],
    ["span id", recorded.spanId(span)],
  ];
  if (operation) facts.splice(1, 0, ["budget", `${duration(operation.limit_us)}, ${length > operation.limit_us ? "over" : "met"}`]);
  if (recorded.error(span)) facts.unshift(["error", recorded.error(span)]);
  if (recorded.orphans.has(span)) facts.push(["parent", "not recorded: its process was not, or was killed"]);
  const parts = [made("h4", "", recorded.name(span)), made("div", "columns", pairs(facts))];
  const attributes = recorded.attributes(span);
  if (attributes.length) parts[1].append(made("div", "", made("h5", "", "Attributes"), pairs(attributes)));
  const events = recorded.events(span);
  if (events.length) {
    const items = events.slice(0, 200).map((event) =>
      made("li", "", made("span", "n", `${duration(Math.max(event.at, 0))} `), made("strong", "", event.name), pairs(event.attributes)));
    parts.push(made("h5", "", `Events: ${events.length}${events.length > 200 ? ", the first 200" : ""}`), made("ol", "events", ...items));
  }
  return into.replaceChildren(...parts);
};
