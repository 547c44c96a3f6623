"use strict";
// Reads the values of a chart: under the pointer, or with the arrow keys while the chart has the focus.
for (const chart of document.querySelectorAll("svg[data-hover]")) {
  const { x, text } = JSON.parse(chart.dataset.hover);
  const cursor = chart.querySelector(".cursor");
  const reading = chart.parentElement.querySelector(".reading");
  let at = -1;
  const show = (index) => {
    at = index;
    cursor.classList.toggle("shown", at >= 0);
    reading.textContent = at < 0 ? "" : text[at];
    if (at >= 0) {
      cursor.setAttribute("x1", x[at]);
      cursor.setAttribute("x2", x[at]);
    }
  };
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const across = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
    let nearest = 0;
    x.forEach((place, index) => {
      if (Math.abs(place - across) < Math.abs(x[nearest] - across)) nearest = index;
    });
    show(x.length ? nearest : -1);
  });
  chart.addEventListener("pointerleave", () => show(-1));
  chart.addEventListener("blur", () => show(-1));
  chart.addEventListener("keydown", (event) => {
    const last = x.length - 1;
    const next = { ArrowLeft: Math.max(at - 1, 0), ArrowRight: Math.min(at + 1, last), Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(next);
  });
}
