"use strict";
// Numbers with their units, as the rest of groundhog writes them.
const figures = (value) => (Math.abs(value) < 0.995 ? value.toFixed(2) : value.toFixed(Math.abs(value) < 9.95 ? 1 : 0));

const scaled = (value, units, step) => {
  let at = 0;
  while (at < units.length - 1 && Math.abs(value) >= step * 0.9995) {
    value /= step;
    at += 1;
  }
  return `${at === 0 && Number.isInteger(value) ? value : figures(value)} ${units[at]}`.trimEnd();
};

const amount = (value, unit) => {
  if (unit === "nanoseconds") return scaled(value, ["ns", "µs", "ms", "s"], 1000);
  if (unit === "bytes") return scaled(value, ["B", "kB", "MB", "GB", "TB"], 1000);
  return `${Number.isInteger(value) ? value.toLocaleString("en") : figures(value)}${unit === "count" ? "" : ` ${unit}`}`;
};

const share = (part, whole) => {
  const percent = whole ? (part / whole) * 100 : 0;
  return `${percent !== 0 && Math.abs(percent) < 9.95 ? percent.toFixed(1) : percent.toFixed(0)} %`;
};
