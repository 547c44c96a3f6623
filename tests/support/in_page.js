// What the tests ask of a page: run inside it, returns plain data.
({
  // Marks that leave the plot, and texts that leave the chart, touch another one, or an axis.
  misplaced() {
    const found = [];
    const inside = (inner, outer, room) =>
      inner.x >= outer.x - room && inner.y >= outer.y - room &&
      inner.x + inner.width <= outer.x + outer.width + room && inner.y + inner.height <= outer.y + outer.height + room;
    const meet = (one, other) =>
      one.x < other.x + other.width && other.x < one.x + one.width &&
      one.y < other.y + other.height && other.y < one.y + one.height;
    for (const chart of document.querySelectorAll("figure svg")) {
      const name = chart.getAttribute("aria-label");
      const axes = [...chart.querySelectorAll(":scope > path.axis")].map((path) => path.getBBox())
        .sort((one, other) => other.width * other.height - one.width * one.height)[0];
      // A dot at the edge is half outside, and that is right.
      for (const mark of chart.querySelectorAll(".marks > *")) {
        if (!inside(mark.getBBox(), axes, 4.5)) found.push([name, "mark outside", mark.outerHTML.slice(0, 120)]);
      }
      const frame = chart.viewBox.baseVal;
      const texts = [...chart.querySelectorAll("text")];
      texts.forEach((text, index) => {
        const box = text.getBBox();
        if (!inside(box, frame, 0.5)) found.push([name, "text cut off", text.textContent]);
        for (const other of texts.slice(index + 1)) {
          if (meet(box, other.getBBox())) found.push([name, "texts overlap", text.textContent, other.textContent]);
        }
        if (text.classList.contains("tick") && inside(box, axes, -1)) found.push([name, "tick inside", text.textContent]);
        const crossesLeft = box.x < axes.x && box.x + box.width > axes.x && box.y + box.height > axes.y + 1 && box.y < axes.y + axes.height;
        const bottom = axes.y + axes.height;
        const crossesBottom = box.y < bottom && box.y + box.height > bottom && box.x + box.width > axes.x;
        if (crossesLeft || crossesBottom) found.push([name, "text on an axis", text.textContent]);
      });
    }
    return found;
  },

  // Texts and lines that are too faint: WCAG 2.2 wants a contrast of 4.5 for text (1.4.3), of 3 for graphics (1.4.11).
  faint() {
    const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
    const light = (colour) => {
      const [r, g, b] = parse(colour).map((value) => channel(value / 255));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (one, other) => {
      const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
      return (high + 0.05) / (low + 0.05);
    };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const colour = getComputedStyle(at).backgroundColor;
        if ((parse(colour)[3] ?? 1) > 0) return colour;
      }
      return "rgb(255, 255, 255)";
    };
    const found = [];
    let checked = 0;
    for (const element of document.querySelectorAll("body *")) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      if (!own || ["SCRIPT", "title"].includes(element.tagName) || !element.getClientRects().length) continue;
      const style = getComputedStyle(element);
      const inChart = element instanceof SVGElement;
      const part = element.classList.contains("part-text");
      const ground = part ? getComputedStyle(element.parentElement.querySelector(".part")).fill : behind(element);
      const value = contrast(inChart ? style.fill : style.color, ground);
      checked += 1;
      if (value < 4.5) found.push([element.textContent.slice(0, 40), value]);
    }
    for (const mark of document.querySelectorAll("path.line, path.interval, path.axis, rect.bad, .inline rect, .dot, path.limit")) {
      const style = getComputedStyle(mark);
      const colour = style.stroke === "none" ? style.fill : style.stroke;
      checked += 1;
      if (contrast(colour, behind(mark)) < 3) found.push([mark.getAttribute("class"), contrast(colour, behind(mark))]);
    }
    return { found, checked };
  },
})
