// Sorts a table by a column when its heading is pressed: by `data-value` where there is one, else by text.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const [body] = table.tBodies;
  heads.forEach((head, column) => {
    head.querySelector("button")?.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : head.className === "n";
      const keys = new Map([...body.rows].map((row) => {
        const { dataset, textContent } = row.cells[column];
        const number = Number(dataset.value);
        return [row, dataset.value === undefined || Number.isNaN(number) ? (dataset.value ?? textContent).toLowerCase() : number];
      }));
      const sign = down ? -1 : 1;
      body.append(...[...body.rows].sort((one, other) => {
        const [first, second] = [keys.get(one), keys.get(other)];
        return first < second ? -sign : first > second ? sign : 0;
      }));
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  });
}
