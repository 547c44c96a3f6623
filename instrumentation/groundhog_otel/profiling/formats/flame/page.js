// Brings together what is chosen, searched and zoomed into, and what is shown of it. A page may hold several graphs: what
// the ids of one begin with is in the attribute `data-flame` of the element around it.
const flame = (root) => {
  const prefix = root.dataset.flame;
  const element = (id) => document.getElementById(prefix + id);
  const profile = JSON.parse(element("profile").textContent);
  const graph = element("graph");
  const tree = new Tree(profile);
  const compared = profile.compared !== undefined;
  const MOST = 30;

  const shown = { column: profile.shown ?? 0, top: -1, at: -1, found: new Set() };
  const unit = () => profile.columns[shown.column].unit;
  const text = (node) => profile.names[tree.name[node]];
  const value = (number) => amount(number, unit());
  const signed = (number) => (number > 0 ? `+${value(number)}` : value(number));

  // How much a change is of the whole, in steps that are told apart by their colour.
  const step = (change) => [0.005, 0.02, 0.05, 0.15].filter((least) => Math.abs(change) >= least).length;
  const changed = (before, after) => {
    const change = (after - before) / Math.max(tree.all[0], tree.all[1], Number.MIN_VALUE);
    return step(change) ? `${change > 0 ? "grew" : "shrank"}-${step(change)}` : "same";
  };
  const isRoot = (node) => tree.depth[node] < 2 && text(node)[2] === profile.names[tree.name[0]][2];
  const colour = (node) => {
    if (compared) return changed(tree.total[0][node], tree.total[1][node]);
    if (isRoot(node)) return "root";
    return tree.state[node] === "running" ? `c${text(node)[2] % 8}` : tree.state[node];
  };
  const drawing = new Drawing(tree, graph, colour);

  const read = (node) => {
    if (node < 0) return "";
    const [label, detail] = text(node);
    const { column } = shown;
    const total = tree.total[column][node];
    const parts = [`${value(total)}, ${share(total, tree.all[column])} of all, ${value(tree.own[column][node])} by itself`];
    if (compared) {
      const [before, after] = [tree.total[0][node], tree.total[1][node]];
      parts.push(`${value(before)} before, ${value(after)} after: ${signed(after - before)}`);
    }
    return [label, ...parts, detail].filter(Boolean).join(" · ");
  };

  const focus = (node, { move = true } = {}) => {
    drawing.places.get(shown.at)?.setAttribute("tabindex", "-1");
    shown.at = node;
    const piece = drawing.places.get(node);
    piece?.setAttribute("tabindex", "0");
    if (move) piece?.focus();
    element("reading").textContent = read(node);
  };

  const cells = (row, texts) =>
    texts.forEach(([content, kind]) => {
      const cell = document.createElement("td");
      cell.className = kind;
      cell.append(content);
      row.append(cell);
    });

  const heading = (titles) => {
    const row = document.createElement("tr");
    titles.forEach((title, index) => {
      const cell = document.createElement("th");
      cell.textContent = title;
      cell.className = index && index < titles.length - 1 ? "n" : "";
      row.append(cell);
    });
    return row;
  };

  const named = (name) => {
    const button = document.createElement("button");
    button.type = "button";
    [button.textContent] = profile.names[name];
    button.title = "search for it";
    button.addEventListener("click", () => {
      [element("search").value] = profile.names[name];
      search();
    });
    return button;
  };

  const lines = () => {
    const [from, to] = shown.top < 0 ? [0, tree.size] : [shown.top, tree.end[shown.top]];
    const root = (name) => profile.names[name][2] === profile.names[tree.name[0]][2];
    const ofColumn = (column) => tree.names(column, from, to);
    const kept = (found, size) =>
      [...found.values()].filter((one) => !root(one.name) && size(one)).sort((one, other) => size(other) - size(one)).slice(0, MOST);
    if (!compared) {
      const all = shown.top < 0 ? tree.all[shown.column] : tree.total[shown.column][shown.top];
      const rows = kept(ofColumn(shown.column), (one) => one.own).map((one) => {
        const row = document.createElement("tr");
        cells(row, [[named(one.name), "text"], [value(one.own), "n"], [share(one.own, all), "n"], [value(one.total), "n"],
          [profile.names[one.name][1], "muted"]]);
        return row;
      });
      return [heading(["Line", "By itself", "Share", "With what it calls", "File"]), ...rows];
    }
    const [before, after] = [ofColumn(0), ofColumn(1)];
    const rows = kept(after, (one) => Math.abs(one.own - before.get(one.name).own)).map((one) => {
      const row = document.createElement("tr");
      const was = before.get(one.name).own;
      cells(row, [[named(one.name), "text"], [value(was), "n"], [value(one.own), "n"],
        [signed(one.own - was), one.own > was ? "n up" : "n down"], [profile.names[one.name][1], "muted"]]);
      return row;
    });
    return [heading(["Function", "Before", "After", "Change", "File"]), ...rows];
  };

  const status = () => {
    const all = tree.all[shown.column];
    const { name } = profile.columns[shown.column];
    const parts = [`${name}: ${value(all)}${profile.per ? ` ${profile.per}` : ""}`];
    if (shown.top >= 0) parts.push(`showing ${text(shown.top)[0]}: ${share(tree.total[shown.column][shown.top], all)}`);
    if (element("search").value) parts.push(`found: ${share(tree.sum(shown.column, shown.found), all)}`);
    return parts.join(" · ");
  };

  const draw = () => {
    graph.classList.toggle("searching", element("search").value !== "");
    drawing.draw(shown.column, shown.top, shown.found);
    const first = drawing.places.has(shown.at) ? shown.at : (drawing.places.keys().next().value ?? -1);
    drawing.places.get(first)?.setAttribute("tabindex", "0");
    shown.at = first;
    element("status").textContent = status();
  };

  const redraw = () => {
    draw();
    element("hottest").replaceChildren(...lines());
  };

  const zoom = (node) => {
    shown.top = node;
    redraw();
    if (node >= 0) focus(node);
  };

  const search = () => {
    const wanted = element("search").value.toLowerCase();
    const matches = ([label, detail]) => label.toLowerCase().includes(wanted) || detail.toLowerCase().includes(wanted);
    shown.found = new Set(wanted ? profile.names.map((_, name) => name).filter((name) => matches(profile.names[name])) : []);
    draw();
  };

  const choose = () => {
    const chosen = ["operation", "state", "thread"].filter((name) => element(name));
    tree.choose(Object.fromEntries(chosen.map((name) => [name, Number(element(name).value)])));
    if (element("column")) shown.column = Number(element("column").value);
    if (shown.top >= 0 && !(tree.total[shown.column][shown.top] > 0)) shown.top = -1;
    redraw();
  };

  const reset = () => {
    const within = graph.contains(document.activeElement);
    const { at } = shown;
    element("search").value = "";
    shown.found = new Set();
    zoom(-1);
    if (within) focus(drawing.places.has(at) ? at : shown.at);
  };

  // The nearest node of the same depth that is drawn.
  const beside = (node, direction) => {
    const row = [...drawing.places.keys()].filter((one) => tree.depth[one] === tree.depth[node]);
    return row[row.indexOf(node) + direction] ?? node;
  };
  const KEYS = {
    ArrowRight: (node) => beside(node, 1),
    ArrowLeft: (node) => beside(node, -1),
    ArrowUp: (node) => (tree.parent[node] >= 0 ? tree.parent[node] : node),
    ArrowDown: (node) => [...drawing.places.keys()].find((one) => tree.parent[one] === node) ?? node,
    Home: () => drawing.places.keys().next().value,
  };

  const nodeOf = (event) => Number(event.target.closest(".frame")?.dataset.node ?? -1);
  graph.addEventListener("click", (event) => nodeOf(event) >= 0 && zoom(nodeOf(event)));
  graph.addEventListener("pointerover", (event) => {
    if (nodeOf(event) >= 0) element("reading").textContent = read(nodeOf(event));
  });
  graph.addEventListener("pointerleave", () => {
    element("reading").textContent = graph.contains(document.activeElement) ? read(shown.at) : "";
  });
  graph.addEventListener("focusin", (event) => nodeOf(event) >= 0 && focus(nodeOf(event), { move: false }));
  graph.addEventListener("keydown", (event) => {
    const node = nodeOf(event);
    if (node < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") zoom(node);
    else if (KEYS[event.key]) focus(KEYS[event.key](node));
    else return;
    event.preventDefault();
  });
  // Alone on a page, its keys are the page's.
  (prefix ? root : document).addEventListener("keydown", (event) => {
    if (event.key === "Escape") reset();
    if (event.key !== "/" || event.target.matches("input, select")) return;
    event.preventDefault();
    element("search").focus();
  });
  for (const name of ["column", "operation", "state", "thread"]) element(name)?.addEventListener("change", choose);
  if (element("column")) element("column").value = shown.column;
  element("search").addEventListener("input", search);
  element("reset").addEventListener("click", reset);
  root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  choose();
  let width = graph.clientWidth;
  new ResizeObserver(() => {
    if (graph.clientWidth === width) return; // its height changes whenever it is drawn
    width = graph.clientWidth;
    draw();
  }).observe(graph);
  root.flame = { tree, drawing };
};

// What is folded up has no width to draw in.
for (const root of document.querySelectorAll("[data-flame]")) {
  if (root.tagName !== "DETAILS" || root.open) flame(root);
  else root.addEventListener("toggle", () => flame(root), { once: true });
}
