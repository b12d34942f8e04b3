// Dates in the reader's zone, the CSRF token on what changes something, and a page that changes by itself.

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

const read = document.querySelector('meta[name="read-at"]')?.content;
const ahead = read ? new Date(read) - Date.now() : 0;

function ago(instant) {
  const seconds = Math.min((instant - Date.now() - ahead) / 1000, 0);
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return relative.format(Math.round(seconds / size), unit);
}

function localize(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const told = element.getAttribute("datetime");
    if (!told.includes("T")) {
      element.textContent = day.format(new Date(`${told}T12:00:00`));
      continue;
    }
    const instant = new Date(told);
    element.textContent = element.dataset.style === "ago" ? ago(instant) : moment.format(instant);
    element.title = moment.format(instant);
  }
}

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token) event.detail.headers["x-csrf-token"] = token;
});
document.addEventListener("htmx:afterSwap", (event) => localize(event.detail.elt.parentElement ?? document));

// Everything on the page that is about what has changed asks for itself anew, once for many changes at a time.
const waiting = new Set();
function changed(about) {
  for (const one of about) waiting.add(one);
  if (waiting.size === about.length) queueMicrotask(() => requestAnimationFrame(refresh));
}
function refresh() {
  const about = [...waiting];
  waiting.clear();
  for (const one of about) {
    const selector = one === "*" ? "[data-about]" : `[data-about="${CSS.escape(one)}"]`;
    for (const element of document.querySelectorAll(selector)) htmx.trigger(element, "changed");
  }
}

function follow() {
  const sign = document.querySelector("[data-live]");
  if (!sign) return;
  const worker = new SharedWorker(new URL("live.js", document.querySelector('script[src$="app.js"]').src));
  worker.port.onmessage = ({ data }) => {
    if (data.state) sign.dataset.live = data.state;
    if (data.about) changed(data.about);
  };
  worker.port.start();
}

localize(document);
follow();
setInterval(() => localize(document), 30_000);
