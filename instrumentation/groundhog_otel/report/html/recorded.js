// The traces of the page: columns of numbers, and what they stand for. A span is a number, its place in every column.
class Recorded {
  constructor(data) {
    this.data = data;
    const { spans, traces, events, shapes } = data;
    this.size = spans.name.length;
    this.traces = traces.first.length;
    this.outer = data.outer;
    this.orphans = new Set(spans.orphans);
    // Where the values of each span, and of each event, begin.
    const begins = (shape) => {
      const found = new Uint32Array(shape.length + 1);
      for (let at = 0; at < shape.length; at += 1) found[at + 1] = found[at] + shapes[shape[at]].length;
      return found;
    };
    this.valueOf = begins(spans.shape);
    this.eventValueOf = begins(events.shape);
    // Events are in the order of their spans.
    this.eventOf = new Uint32Array(this.size + 1);
    for (const span of events.span) this.eventOf[span + 1] += 1;
    for (let at = 0; at < this.size; at += 1) this.eventOf[at + 1] += this.eventOf[at];
    this.traceOf = new Uint32Array(this.size);
    traces.first.forEach((first, trace) => this.traceOf.fill(trace, first, this.endOf(trace)));
  }

  endOf(trace) {
    return this.data.traces.first[trace + 1] ?? this.size;
  }

  name(span) {
    return this.data.names[this.data.spans.name[span]];
  }

  /** Service, process id, kind and instrumentation. */
  origin(span) {
    return this.data.origins[this.data.spans.origin[span]];
  }

  error(span) {
    return this.data.spans.error[span] < 0 ? "" : this.data.errors[this.data.spans.error[span]];
  }

  /** The operation that a span is one of, with its budget; nothing for other spans. */
  operation(span) {
    return this.data.operations[this.data.spans.operation[span]];
  }

  isOver(span) {
    const operation = this.operation(span);
    return operation !== undefined && this.data.spans.length[span] > operation.limit_us;
  }

  /** Microseconds from the start of the recording. */
  startOf(span) {
    return this.data.traces.at[this.traceOf[span]] + this.data.spans.at[span];
  }

  traceId(trace) {
    return this.data.traces.id.slice(trace * 32, trace * 32 + 32);
  }

  spanId(span) {
    return this.data.spans.id.slice(span * 16, span * 16 + 16);
  }

  /** The first one after `span` that is not below it. */
  after(span) {
    const { depth } = this.data.spans;
    const end = this.endOf(this.traceOf[span]);
    let at = span + 1;
    while (at < end && depth[at] > depth[span]) at += 1;
    return at;
  }

  attributes(span) {
    return this.pairs(this.data.spans, this.data.spans.shape[span], this.valueOf[span]);
  }

  pairs(columns, shape, first) {
    return this.data.shapes[shape].map((name, at) => [this.data.names[name], this.data.values[columns.values[first + at]]]);
  }

  /** Name, microseconds from the start of the trace, and attributes of each event of a span. */
  events(span) {
    const { events, names } = this.data;
    const found = [];
    for (let at = this.eventOf[span]; at < this.eventOf[span + 1]; at += 1) {
      found.push({ name: names[events.name[at]], at: events.at[at], attributes: this.pairs(events, events.shape[at], this.eventValueOf[at]) });
    }
    return found;
  }

  /** Find a trace by its id, and in it a span; -1 for what is not there. */
  find(traceId, spanId) {
    const trace = Recorded.place(this.data.traces.id, traceId, 32, 0, this.traces);
    if (trace < 0) return { trace, span: -1 };
    return { trace, span: spanId ? Recorded.place(this.data.spans.id, spanId, 16, this.data.traces.first[trace], this.endOf(trace)) : -1 };
  }

  static place(ids, id, width, from, to) {
    if (id.length !== width) return -1;
    for (let at = from; at < to; at += 1) if (ids.startsWith(id, at * width)) return at;
    return -1;
  }

  /** Return a test that tells whether a span has a text in its name, service, error, ids or values. */
  searching(text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return () => true;
    const among = (texts) => texts.map((one) => String(one).toLowerCase().includes(wanted));
    const { spans, traces } = this.data;
    const names = among(this.data.names);
    const services = among(this.data.origins.map((one) => one[0]));
    const errors = among(this.data.errors);
    const values = among(this.data.values);
    const isId = /^[0-9a-f]{4,32}$/.test(wanted);
    return (span) => {
      if (names[spans.name[span]] || services[spans.origin[span]] || errors[spans.error[span]]) return true;
      for (let at = this.valueOf[span]; at < this.valueOf[span + 1]; at += 1) if (values[spans.values[at]]) return true;
      if (!isId) return false;
      const trace = this.traceOf[span];
      return traces.id.startsWith(wanted, trace * 32) || spans.id.startsWith(wanted, span * 16);
    };
  }
}
