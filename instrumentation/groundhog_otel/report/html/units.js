// Numbers with their units, as the rest of groundhog writes them.
const figures = (value) => (value < 0.995 ? value.toFixed(2) : value.toFixed(value < 9.95 ? 1 : 0));

/** @param {number} us microseconds */
const duration = (us) => {
  const seconds = us / 1e6;
  if (seconds < 0.9995) return `${figures(seconds * 1000)} ms`;
  if (seconds < 99.95) return `${figures(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
};

const count = (value, what) => `${value.toLocaleString("en")} ${what}${value === 1 ? "" : "s"}`;

/** The time of day in UTC, to the millisecond. @param {number} ms since 1970 */
const clock = (ms) => new Date(ms).toISOString().slice(11, 23);

/** An element with its class, text and children. */
const made = (name, kind = "", ...children) => {
  const element = document.createElement(name);
  if (kind) element.className = kind;
  element.append(...children);
  return element;
};

const byId = (id) => document.getElementById(id);
