// One event stream for all pages of a browser, or for one page where workers cannot be shared. It resumes after the last
// event that any page of the browser has heard of: what happens while a page loads is told too.

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
    run();
  };
  port.postMessage({ state, lastId });
}

if ("onconnect" in self) onconnect = ({ ports: [port] }) => joined(port);
else joined(self);

function heard(event) {
  const isFirst = lastId === null;
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

function parsed(block) {
  const event = { name: "message", data: "", id: null };
  for (const line of block.split("\n")) {
    const [field, ...rest] = line.split(":");
    const value = rest.join(":").replace(/^ /, "");
    if (field === "event") event.name = value;
    if (field === "data") event.data += value;
    if (field === "id") event.id = value;
  }
  return event;
}

async function read() {
  const headers = lastId ? { "last-event-id": lastId } : {};
  const answer = await fetch("/api/salesloft/events", { headers, cache: "no-store" });
  if (answer.status === 401) return be("signed-out");
  if (!answer.ok) throw new Error(`the event stream answered ${answer.status}`);
  be("live");
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    blocks.map(parsed).forEach(heard);
  }
}

async function run() {
  for (let pause = 250; state !== "signed-out"; pause = Math.min(pause * 2, 10_000)) {
    try {
      await read();
      pause = 250;
    } catch {
      be("away");
    }
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
  }
}
