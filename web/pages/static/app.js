// Dates in the reader's zone, the CSRF token on what changes something, a page that changes by itself, charts, the chat.

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

const read = document.querySelector('meta[name="read-at"]')?.content;
const ahead = read ? new Date(read) - Date.now() : 0;

function spelt(seconds) {
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return relative.format(Math.trunc(seconds / size), unit);
}
function relatively(instant, style) {
  const seconds = (instant - Date.now() - ahead) / 1000;
  return style === "ago" ? spelt(Math.min(seconds, 0)) : seconds <= 0 ? "any moment" : spelt(seconds);
}

function localize(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const told = element.getAttribute("datetime");
    if (!told.includes("T")) {
      element.textContent = day.format(new Date(`${told}T12:00:00`));
      continue;
    }
    const instant = new Date(told);
    element.textContent = element.dataset.style === "moment" ? moment.format(instant) : relatively(instant, element.dataset.style);
    element.title = moment.format(instant);
  }
}

document.addEventListener("htmx:configRequest", ({ detail }) => {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token) detail.headers["x-csrf-token"] = token;
  // A day that somebody chooses begins in the morning, where they are.
  for (const input of detail.elt.querySelectorAll?.("input[data-morning]") ?? []) {
    if (input.value) detail.formData.set(input.name, new Date(`${input.value}T08:00:00`).toISOString());
  }
});

// Everything on the page that is about what has changed asks for itself anew: at once, then twice a second at most,
// however much changes, and not while somebody is at work in it.
const REST_MS = 500;
const waiting = new Set();
let due = false;
let refreshed = 0;
function changed(about) {
  for (const one of about) waiting.add(one);
  if (due) return;
  due = true;
  setTimeout(refresh, Math.max(0, refreshed + REST_MS - performance.now()));
}
function isUsed(element) {
  return element.querySelector(".pop:popover-open") !== null || element.matches(":has(input:focus, textarea:focus, select:focus)");
}
function refresh() {
  due = false;
  refreshed = performance.now();
  const about = [...waiting];
  waiting.clear();
  for (const one of about) {
    const selector = one === "*" ? "[data-about]" : `[data-about="${CSS.escape(one)}"], [data-about="*"]`;
    for (const element of document.querySelectorAll(selector)) {
      if (isUsed(element)) waiting.add(one);
      else htmx.trigger(element, "changed");
    }
  }
}
for (const name of ["toggle", "focusout"]) {
  document.addEventListener(name, () => waiting.size && setTimeout(() => changed([]), 50), true);
}

// What was opened stays open when its part of the page is shown anew, and what was chosen stays chosen if it still says
// the same. Where somebody has begun to work in it meanwhile, what came is let go, and asked for once they are done.
let opened = [];
let chosen = [];
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.requestConfig.triggeringEvent?.type === "changed" && isUsed(detail.target)) {
    detail.shouldSwap = false;
    waiting.add(detail.elt.dataset.about);
    return;
  }
  opened = [...document.querySelectorAll("details[open][id]")].map((one) => one.id);
  chosen = [...document.querySelectorAll('input[name="chosen"]:checked')].map((one) => one.value);
});
// What is chosen is chosen from the first moment on: a click may come, or another part be shown anew, before all is settled.
document.addEventListener("htmx:afterSwap", () => {
  for (const one of document.querySelectorAll('input[name="chosen"]')) one.checked ||= chosen.includes(one.value);
  count();
});
document.addEventListener("htmx:afterSettle", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  localize(document);
  draw(document);
});
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.requestConfig.verb === "post") document.querySelector("#problems")?.replaceChildren();
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  // What was refused is told at the top of the page, which a dialog would cover.
  if (detail.failed) {
    detail.elt.closest(".pop")?.hidePopover();
    document.querySelector("#problems")?.scrollIntoView({ block: "center" });
  }
});

function follow() {
  const sign = document.querySelector("[data-live]");
  if (!sign) return;
  const names = { live: "Live", away: "Not live", connecting: "Live", "signed-out": "Signed out" };
  const address = new URL("live.js", document.querySelector('script[src$="app.js"]').src);
  const stream = window.SharedWorker ? new SharedWorker(address).port : new Worker(address);
  stream.onmessage = ({ data }) => {
    if (data.state) {
      sign.dataset.live = data.state;
      sign.textContent = names[data.state] ?? data.state;
    }
    if (data.lastId) localStorage.setItem("heard", data.lastId);
    if (data.about) changed(data.about);
  };
  stream.postMessage({ lastId: localStorage.getItem("heard") });
}

// Charts, in the page's own colours.
const COLOURS = { sent: "--soft", opened: "--accent", replied: "--good", asked_for: "--soft", enrolled: "--accent", were: "--soft", kept_back: "--held", beside: "--good", requests: "--accent" };
function draw(root) {
  if (!window.uPlot) return;
  for (const figure of root.querySelectorAll("[data-chart]")) {
    if (figure.firstChild) continue;
    const told = JSON.parse(figure.dataset.chart);
    const names = figure.dataset.series.split(",");
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => resolved(style.getPropertyValue(name));
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui", size: 24 };
    new uPlot(
      {
        width: figure.clientWidth, height: figure.clientHeight, legend: { show: false }, cursor: { show: false }, pxAlign: false,
        scales: { y: { range: (_, low, high) => [0, Math.max(high, 2)] } },
        axes: [{ ...axis, grid: { show: false }, space: 70, values: (_, ticks) => ticks.map((at) => new Date(at * 1000).toLocaleDateString(undefined, { day: "numeric", month: "short" })) }, { ...axis, space: 24, incrs: [1, 2, 5, 10, 20, 50, 100, 500, 1000] }],
        series: [{}, ...names.map((name) => ({ stroke: colour(COLOURS[name]), fill: name === "were" ? colour("--line") : undefined, width: 1.5, points: { show: false } }))],
      },
      [told.days, ...names.map((name) => told[name])],
      figure,
    );
  }
}
function resolved(value) {
  const probe = document.createElement("i");
  probe.style.color = value;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}
function redraw() {
  for (const figure of document.querySelectorAll("[data-chart]")) figure.replaceChildren();
  draw(document);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== width) redraw();
  width = innerWidth;
});

// Choosing several.
function count() {
  const all = [...document.querySelectorAll('input[name="chosen"]')];
  const chosen = all.filter((one) => one.checked).length;
  const told = document.querySelector("[data-chosen]");
  if (!told) return;
  told.textContent = chosen ? `${chosen} chosen` : "none chosen";
  for (const button of document.querySelectorAll("[data-needs-chosen]")) button.disabled = !chosen;
  document.querySelector("[data-all]").checked = chosen > 0 && chosen === all.length;
}
document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-all]")) for (const one of document.querySelectorAll('input[name="chosen"]')) one.checked = target.checked;
  if (target.matches("[data-all], [name=chosen]")) count();
});

// The chat: what was said stays while its tab is open, for whoever said it.
const chat = document.querySelector("#chat");
if (chat) {
  const key = `chat:${chat.dataset.user}`;
  const said = chat.querySelector("#said");
  const form = chat.querySelector("#chat-form");
  const field = (name) => form.elements[name];
  field("time_zone").value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const kept = sessionStorage.getItem(key);
  if (kept) {
    const { html, conversation, open } = JSON.parse(kept);
    said.insertAdjacentHTML("beforeend", html);
    field("conversation").value = conversation;
    if (open) chat.showPopover();
  }
  const keep = () => {
    const html = [...said.children].filter((one) => one.id !== "hints").map((one) => one.outerHTML).join("");
    sessionStorage.setItem(key, JSON.stringify({ html, conversation: field("conversation").value, open: chat.matches(":popover-open") }));
    said.scrollTop = said.scrollHeight;
  };
  chat.addEventListener("toggle", ({ newState }) => {
    if (newState === "open") field("text").focus();
    else document.querySelector("#chat-open").focus();
    keep();
  });
  chat.addEventListener("keydown", ({ key }) => key === "Escape" && chat.hidePopover());
  said.addEventListener("click", ({ target }) => {
    const button = target.closest("button[data-say]");
    if (!button) return;
    field("text").value = button.dataset.say;
    field("shown").value = button.dataset.shown ?? button.dataset.say;
    field("confirm").value = button.dataset.confirm ?? "";
    form.requestSubmit();
  });
  form.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.failed) return;
    for (const name of ["text", "shown", "confirm"]) field(name).value = "";
  });
  said.addEventListener("htmx:afterSwap", () => {
    // Only the last answer can still be answered.
    for (const old of [...said.querySelectorAll(".theirs")].slice(0, -1)) old.querySelector(".choices")?.remove();
    field("conversation").value = said.querySelector(".theirs:last-of-type")?.dataset.conversation ?? "";
    keep();
    field("text").focus();
  });
  document.querySelector("[data-leaves]")?.addEventListener("click", () => sessionStorage.clear());
}

// Connecting: the API says where a user of Salesloft allows it.
document.querySelector("[data-connect]")?.addEventListener("click", async ({ target }) => {
  target.disabled = true;
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const answer = await fetch("/api/integrations/salesloft/connect", { method: "POST", headers: { "x-csrf-token": token } });
  const told = await answer.json();
  if (answer.ok && told.connect_url) return location.assign(told.connect_url);
  target.disabled = false;
  const problem = document.createElement("p");
  problem.className = "problem";
  problem.setAttribute("role", "alert");
  problem.textContent = told.detail ?? "It could not be begun.";
  document.querySelector("#problems").replaceChildren(problem);
});

// Where the pages' names are in a row that is longer than the screen, the one that is open is seen.
document.querySelector(".side nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
localize(document);
draw(document);
follow();
setInterval(() => localize(document), 30_000);
