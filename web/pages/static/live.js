// One event stream for all pages of a browser, or for one page where workers cannot be shared. It resumes after the last
// event that any page of the browser has heard of: what happens while a page loads is told too.

import { follow } from "./event_stream.js";

const ports = new Set();
let state = "connecting";
let lastId = null;
let begun = false;

function tell(message) {
  for (const port of ports) port.postMessage({ ...message, lastId });
}

function be(next) {
  state = next;
  tell({ state });
}

function joined(port) {
  ports.add(port);
  port.onmessage = ({ data }) => {
    if (begun) return;
    begun = true;
    lastId = data.lastId;
    follow({ ask: (headers) => fetch("/api/salesloft/events", { headers, cache: "no-store" }), heard, be, lastId });
  };
  port.postMessage({ state, lastId });
}

if ("onconnect" in self) onconnect = ({ ports: [port] }) => joined(port);
else joined(self);

function heard(event, isFirst) {
  if (event.id) lastId = event.id;
  if (event.name === "reset" || (event.name === "ready" && isFirst)) return tell({ about: ["*"] });
  if (!event.data || event.name === "ready" || event.name === "end") return tell({});
  const told = JSON.parse(event.data).data ?? {};
  const about = [`kind:${event.name}`];
  for (const kind of ["customer", "stakeholder", "enrollment"]) {
    const id = told[`${kind}_id`] ?? told[kind]?.id;
    if (id) about.push(`${kind}:${id}`);
  }
  tell({ about });
}
