// The table of calls: searched, narrowed, sorted.
const COLUMNS = [
  { name: "Call", kind: "name" },
  { name: "Service", kind: "service" },
  { name: "Began", kind: "n began" },
  { name: "Took", kind: "n" },
  { name: "Budget", kind: "n budget" },
  { name: "Result", kind: "result" },
];

class Calls {
  /** @param {Recorded} recorded @param {(span: number) => void} opened */
  constructor(recorded, opened) {
    this.recorded = recorded;
    this.found = [];
    this.sorted = { column: 3, down: true };
    const { spans } = recorded.data;
    // Every operation, and the first spans of traces that have none: each of those is in `outer`.
    const outer = new Set(recorded.outer);
    this.every = [];
    for (let span = 0; span < recorded.size; span += 1) if (spans.operation[span] >= 0 || outer.has(span)) this.every.push(span);
    this.rows = new Rows(byId("call-rows"), {
      head: this.head(),
      row: (index) => this.row(this.found[index]),
      chosen: () => {},
      opened: (index) => opened(this.found[index]),
    });
    for (const id of ["search", "operation", "which", "both"]) byId(id).addEventListener("input", () => this.refresh());
    this.refresh();
  }

  head() {
    const row = made("div", "row");
    row.setAttribute("role", "row");
    this.heads = COLUMNS.map(({ name, kind }, column) => {
      const button = made("button", "", name);
      button.type = "button";
      button.addEventListener("click", () => {
        const { column: was, down } = this.sorted;
        this.sorted = { column, down: was === column ? !down : column > 1 };
        this.refresh();
      });
      const found = made("div", kind, button);
      found.setAttribute("role", "columnheader");
      return found;
    });
    row.append(...this.heads);
    return row;
  }

  row(span) {
    const { recorded } = this;
    const [service, , kind] = recorded.origin(span);
    const operation = recorded.operation(span);
    const length = recorded.data.spans.length[span];
    const over = recorded.isOver(span);
    const error = recorded.error(span);
    const row = made("div", "row");
    row.append(
      cell("name", recorded.name(span)),
      cell("service", service, made("small", "", ` ${kind}`)),
      cell("n began", clock(recorded.data.start_ms + recorded.startOf(span) / 1000)),
      cell("n", duration(length)),
      cell(over ? "n budget bad" : "n budget", operation ? `${over ? "over " : ""}${Calls.times(length / operation.limit_us)}` : "–"),
      cell(error ? "result bad" : "result", error ? `✕ ${error}` : "ok"),
    );
    return row;
  }

  /** How much of its budget a call took. */
  static times(share) {
    return share < 1.995 ? `${Math.round(share * 100)} %` : `${figures(share)} ×`;
  }

  refresh() {
    const { recorded } = this;
    const { spans } = recorded.data;
    const operation = Number(byId("operation").value);
    const which = byId("which").value;
    const fits = recorded.searching(byId("search").value);
    // An operation that was chosen may be one within others only.
    const among = byId("both").checked || operation >= 0 ? this.every : recorded.outer;
    this.found = among.filter(
      (span) =>
        (operation < 0 || spans.operation[span] === operation) &&
        (which === "all" || (which === "over" ? recorded.isOver(span) : spans.error[span] >= 0)) &&
        fits(span),
    );
    this.sort();
    byId("found").textContent = `${this.found.length.toLocaleString("en")} of ${count(among.length, "call")}`;
    this.rows.show(this.found.length);
  }

  sort() {
    const { column, down } = this.sorted;
    const { recorded } = this;
    const key = [
      (span) => recorded.name(span),
      (span) => recorded.origin(span)[0],
      (span) => recorded.startOf(span),
      (span) => recorded.data.spans.length[span],
      (span) => recorded.data.spans.length[span] / (recorded.operation(span)?.limit_us ?? Infinity),
      (span) => recorded.error(span),
    ][column];
    const keys = new Map(this.found.map((span) => [span, key(span)]));
    const sign = down ? -1 : 1;
    this.found.sort((one, other) => {
      const [first, second] = [keys.get(one), keys.get(other)];
      return first < second ? -sign : first > second ? sign : one - other;
    });
    this.heads.forEach((head, index) => head.setAttribute("aria-sort", index !== column ? "none" : down ? "descending" : "ascending"));
  }

  /** Show the calls of one operation, all of them. */
  narrow(operation) {
    byId("operation").value = String(operation);
    byId("search").value = "";
    byId("which").value = "all";
    this.refresh();
  }
}
