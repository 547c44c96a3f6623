// Brings together the table of calls, the trace that is shown, and where the address points.
const start = async () => {
  const recorded = new Recorded(await unpacked("traces"));
  if (!recorded.size || !byId("call-rows")) return;
  const waterfall = new Waterfall(recorded);
  const show = (trace, span, { move }) => {
    waterfall.show(trace, span);
    if (!move) return;
    byId("trace-title").scrollIntoView({ block: "start" });
    byId("trace-rows").focus({ preventScroll: true });
  };
  const calls = new Calls(recorded, (span) => show(recorded.traceOf[span], span, { move: true }));

  const go = () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (asked.has("trace")) {
      const { trace, span } = recorded.find(asked.get("trace"), asked.get("span"));
      if (trace >= 0) show(trace, span, { move: true });
      return trace >= 0;
    }
    if (!asked.has("operation")) return false;
    calls.narrow(asked.get("operation"));
    byId("calls").scrollIntoView({ block: "start" });
    byId("call-rows").focus({ preventScroll: true });
    return false;
  };
  // A link that was followed already leads there again.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) go();
  });
  addEventListener("hashchange", go);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, .flame")) return;
    event.preventDefault();
    byId("search").focus();
  });
  document.querySelector("form.controls[role=search]").addEventListener("submit", (event) => event.preventDefault());
  if (!go() && calls.found.length) show(recorded.traceOf[calls.found[0]], calls.found[0], { move: false });
};

start().then(
  () => {
    // Milliseconds since the file was opened.
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
  },
  (error) => {
    const found = byId("found");
    if (found) found.textContent = `The traces cannot be shown: ${error.message}`;
    throw error;
  },
);
