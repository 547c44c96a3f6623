// Draws one node in full width with what is upon it, and what is below it. What is too narrow to be seen becomes one
// hatched block with its neighbours, so that there are never more elements than the window has room for.
const ROW = 20;
const NARROWEST = 1.5;

class Drawing {
  constructor(tree, element, colour) {
    this.tree = tree;
    this.element = element;
    this.colour = colour;
    this.places = new Map();
  }

  draw(column, top, found) {
    const { tree } = this;
    this.column = column;
    this.places = new Map();
    this.rows = 0;
    this.found = found;
    this.pieces = document.createDocumentFragment();
    const width = this.element.clientWidth;
    if (top >= 0) tree.above(top).forEach((node) => this.frame(node, 0, width));
    const from = top < 0 ? 0 : top;
    const to = top < 0 ? tree.size : tree.end[top];
    const whole = top < 0 ? tree.all[column] : tree.total[column][top];
    if (whole > 0) this.stack(from, to, width, width / whole);
    this.element.replaceChildren(this.pieces);
    this.element.style.height = `${Math.max(this.rows, 1) * ROW}px`;
  }

  stack(from, to, width, scale) {
    const { tree, column } = this;
    const lowest = tree.depth[from];
    const next = [0]; // where the next node of each depth begins
    const narrow = []; // of each depth, the run of nodes that are too narrow
    const close = (depth) => {
      for (let at = depth; at < narrow.length; at += 1) {
        if (narrow[at] && narrow[at].to - narrow[at].from >= 1) this.rest(lowest + at, narrow[at]);
        narrow[at] = undefined;
      }
    };
    for (let node = from; node < to; node += 1) {
      const total = tree.total[column][node];
      const depth = tree.depth[node] - lowest;
      if (total <= 0) {
        node = tree.end[node] - 1;
        continue;
      }
      const x = next[depth];
      const wide = total * scale;
      next[depth] = x + wide;
      next[depth + 1] = x;
      if (wide < NARROWEST) {
        close(depth + 1);
        narrow[depth] = { from: narrow[depth]?.from ?? x, to: x + wide };
        node = tree.end[node] - 1;
      } else {
        close(depth);
        this.frame(node, x, Math.min(wide, width - x));
      }
    }
    close(0);
  }

  frame(node, x, wide) {
    const { tree } = this;
    const piece = document.createElement("div");
    const [label] = tree.profile.names[tree.name[node]];
    piece.className = `frame ${this.colour(node)}`;
    if (this.found.has(tree.name[node])) piece.classList.add("found");
    if (wide > 24) piece.textContent = label;
    else piece.classList.add("thin");
    piece.dataset.node = node;
    piece.tabIndex = -1;
    piece.setAttribute("role", "treeitem");
    piece.setAttribute("aria-level", tree.depth[node] + 1);
    piece.setAttribute("aria-label", label);
    this.place(piece, tree.depth[node], x, wide);
    this.places.set(node, piece);
  }

  rest(depth, { from, to }) {
    const piece = document.createElement("div");
    piece.className = "rest";
    piece.title = "many that are too narrow to be seen: show one caller alone";
    this.place(piece, depth, from, to - from);
  }

  place(piece, depth, x, wide) {
    piece.style.left = `${x}px`;
    piece.style.top = `${depth * ROW}px`;
    piece.style.width = `${wide}px`;
    this.rows = Math.max(this.rows, depth + 1);
    this.pieces.append(piece);
  }
}
