// A table of any length: only the rows that are in view exist. The keyboard stays on the table, which says which of its
// rows is the active one (aria-activedescendant).
const ROW = 28;
const BEYOND = 8;

class Rows {
  /**
   * @param {HTMLElement} element the table, which scrolls
   * @param {{head: HTMLElement, row: (index: number) => HTMLElement, chosen: (index: number) => void,
   *   opened: (index: number) => void, keys?: Record<string, (index: number) => void>}} options
   */
  constructor(element, { head, row, chosen, opened, keys = {} }) {
    Object.assign(this, { element, row, chosen, opened, keys, size: 0, active: -1 });
    this.body = made("div", "body");
    this.body.setAttribute("role", "rowgroup");
    this.head = made("div", "head");
    this.head.setAttribute("role", "rowgroup");
    this.head.append(head);
    element.replaceChildren(this.head, this.body);
    let asked = false;
    element.addEventListener("scroll", () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        this.draw();
      });
    });
    element.addEventListener("keydown", (event) => this.pressed(event));
    element.addEventListener("click", (event) => {
      const at = event.target.closest("[data-row]");
      if (at === null) return;
      this.choose(Number(at.dataset.row));
      if (!event.target.closest(".toggle")) this.opened(this.active);
    });
    new ResizeObserver(() => this.draw()).observe(element);
  }

  /** Show `size` rows, the active one among them in view. */
  show(size, active = size ? 0 : -1) {
    this.size = size;
    this.active = active;
    this.element.setAttribute("aria-rowcount", size + 1);
    this.body.style.height = `${size * ROW}px`;
    if (active <= 0) this.element.scrollTop = 0;
    this.reveal();
    this.draw();
    if (active >= 0) this.chosen(active);
  }

  choose(index) {
    if (index < 0 || index >= this.size) return;
    this.active = index;
    this.reveal();
    this.draw();
    this.chosen(index);
  }

  get room() {
    return Math.max(this.element.clientHeight - this.head.offsetHeight, ROW);
  }

  reveal() {
    const top = this.active * ROW;
    if (top < this.element.scrollTop) this.element.scrollTop = Math.max(top, 0);
    else if (top + ROW > this.element.scrollTop + this.room) this.element.scrollTop = top + ROW - this.room;
  }

  draw() {
    const first = Math.max(Math.floor(this.element.scrollTop / ROW) - BEYOND, 0);
    const end = Math.min(first + Math.ceil(this.room / ROW) + 2 * BEYOND, this.size);
    const rows = [];
    for (let index = first; index < end; index += 1) {
      const row = this.row(index);
      row.dataset.row = index;
      row.id = `${this.element.id}-${index}`;
      row.setAttribute("role", "row");
      row.setAttribute("aria-rowindex", index + 2);
      row.style.top = `${index * ROW}px`;
      if (index === this.active) {
        row.classList.add("active");
        row.setAttribute("aria-selected", "true");
      }
      rows.push(row);
    }
    this.body.replaceChildren(...rows);
    if (this.active >= first && this.active < end) this.element.setAttribute("aria-activedescendant", `${this.element.id}-${this.active}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  pressed(event) {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(Math.floor(this.room / ROW) - 1, 1);
    const move = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.size, End: this.size }[event.key];
    if (move !== undefined) this.choose(Math.min(Math.max(this.active + move, 0), this.size - 1));
    else if (this.keys[event.key]) this.keys[event.key](this.active);
    else if ((event.key === "Enter" || event.key === " ") && this.active >= 0) this.opened(this.active);
    else return;
    event.preventDefault();
  }
}

/** A cell of a row. */
const cell = (kind, ...children) => {
  const found = made("div", kind, ...children);
  found.setAttribute("role", "gridcell");
  return found;
};
