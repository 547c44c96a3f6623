// One trace: its spans below each other as they called each other, and beside each other as time went.
class Waterfall {
  /** @param {Recorded} recorded */
  constructor(recorded) {
    this.recorded = recorded;
    this.visible = [];
    this.closed = new Set();
    this.axis = made("div", "axis");
    const head = made("div", "row");
    head.setAttribute("role", "row");
    for (const [kind, content] of [["name", "Span"], ["service", "Service"], ["time", this.axis], ["n", "Took"]]) {
      const found = made("div", kind, content);
      found.setAttribute("role", "columnheader");
      head.append(found);
    }
    this.rows = new Rows(byId("trace-rows"), {
      head,
      row: (index) => this.row(this.visible[index]),
      chosen: (index) => describe(recorded, this.visible[index], byId("span-details")),
      opened: (index) => this.toggle(this.visible[index]),
      keys: {
        ArrowRight: (index) => this.rightward(this.visible[index]),
        ArrowLeft: (index) => this.leftward(this.visible[index]),
        Escape: () => byId("call-rows").focus(),
      },
    });
    byId("trace-rows").addEventListener("click", (event) => {
      if (event.target.closest(".toggle")) this.toggle(this.visible[this.rows.active]);
    });
  }

  /** Show a trace, with one of its spans chosen. */
  show(trace, span = -1) {
    const { recorded } = this;
    const { spans, traces } = recorded.data;
    Object.assign(this, { trace, first: traces.first[trace], end: recorded.endOf(trace) });
    this.closed.clear();
    this.whole = 1;
    for (let at = this.first; at < this.end; at += 1) this.whole = Math.max(this.whole, spans.at[at] + spans.length[at]);
    byId("trace-title").replaceChildren(
      `Trace ${recorded.traceId(trace)}`,
      made("small", "", ` ${duration(this.whole)}, ${count(this.end - this.first, "span")}`),
    );
    this.ticks();
    this.list(span < 0 ? this.first : span);
  }

  ticks() {
    this.axis.replaceChildren(
      ...[0, 0.25, 0.5, 0.75].map((part) => {
        const tick = made("span", "", part ? duration(this.whole * part) : "0");
        tick.style.left = `${part * 100}%`;
        return tick;
      }),
    );
  }

  list(span) {
    const { recorded } = this;
    this.visible = [];
    for (let at = this.first; at < this.end; ) {
      this.visible.push(at);
      at = this.closed.has(at) ? recorded.after(at) : at + 1;
    }
    // The height fits what there is, to a limit that the style sets.
    byId("trace-rows").style.height = `${Math.min(this.visible.length, 16) * ROW + 34}px`;
    this.rows.show(this.visible.length, Math.max(this.visible.indexOf(span), 0));
  }

  hasBelow(span) {
    return span + 1 < this.end && this.recorded.data.spans.depth[span + 1] > this.recorded.data.spans.depth[span];
  }

  toggle(span) {
    if (!this.hasBelow(span)) return;
    if (!this.closed.delete(span)) this.closed.add(span);
    this.list(span);
  }

  rightward(span) {
    if (this.closed.has(span)) this.toggle(span);
    else if (this.hasBelow(span)) this.rows.choose(this.rows.active + 1);
  }

  leftward(span) {
    const { depth } = this.recorded.data.spans;
    if (this.hasBelow(span) && !this.closed.has(span)) this.toggle(span);
    else {
      let at = this.rows.active;
      while (at > 0 && depth[this.visible[at]] >= depth[span]) at -= 1;
      this.rows.choose(at);
    }
  }

  row(span) {
    const { recorded } = this;
    const { spans } = recorded.data;
    const error = recorded.error(span);
    const [service] = recorded.origin(span);
    const below = this.hasBelow(span);
    const row = made("div", "row");
    row.setAttribute("aria-level", spans.depth[span] + 1);
    if (below) row.setAttribute("aria-expanded", String(!this.closed.has(span)));
    const toggle = made("span", below ? "toggle" : "toggle none", below ? (this.closed.has(span) ? "▸" : "▾") : "");
    toggle.setAttribute("aria-hidden", "true");
    const name = cell("name", toggle, recorded.name(span));
    name.style.paddingLeft = `${Math.min(spans.depth[span], 12) * 14}px`;
    if (error) name.append(made("span", "bad", ` ✕ ${error}`));
    else if (recorded.isOver(span)) name.append(made("span", "bad", " over budget"));
    row.append(name, cell("service", service), cell("time", ...this.bar(span, error)), cell("n", duration(spans.length[span])));
    return row;
  }

  bar(span, error) {
    const { recorded } = this;
    const { spans } = recorded.data;
    const place = (element, at) => {
      element.style.left = `min(${Math.min(Math.max(at / this.whole, 0), 1) * 100}%, 100% - 2px)`; // seen at the very end, too
      return element;
    };
    const kind = error ? "failed" : recorded.isOver(span) ? "over" : recorded.operation(span) ? "call" : "other";
    const bar = place(made("span", `bar ${kind}`), spans.at[span]);
    bar.style.width = `${(spans.length[span] / this.whole) * 100}%`;
    const events = recorded.events(span).slice(0, 40).map((event) => {
      const mark = place(made("span", "event"), event.at);
      mark.title = event.name;
      return mark;
    });
    return [bar, ...events];
  }
}
