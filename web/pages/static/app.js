// Dates in the reader's zone, the CSRF token on what changes something, a page that changes by itself, charts, the chat.

import { draw, redraw } from "./charts.js";
import { connection } from "./connection.js";
import { localize, mornings } from "./dates.js";
import * as notices from "./notices.js";
import { forget, placeIn, told } from "./refusals.js";

const read = document.querySelector('meta[name="read-at"]')?.content;
const ahead = read ? new Date(read) - Date.now() : 0;

document.addEventListener("htmx:configRequest", ({ detail }) => {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token) detail.headers["x-csrf-token"] = token;
  mornings(detail.elt, detail.formData);
});

// Everything on the page that is about what has changed asks for itself anew: at once, then twice a second at most,
// however much changes, and not while somebody is at work in it. While an older answer is on its way it waits for that:
// htmx forgets what is asked meanwhile of what the answer replaces.
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
// An answer that is still to come has its place there, too.
function isUsed(element) {
  return element.querySelector(".pop:popover-open, .htmx-request") !== null || element.matches(":has(input:focus, textarea:focus, select:focus)");
}
function refresh() {
  due = false;
  refreshed = performance.now();
  const about = [...waiting];
  waiting.clear();
  for (const one of about) {
    const selector = one === "*" ? "[data-about]" : `[data-about="${CSS.escape(one)}"], [data-about="*"]`;
    for (const element of document.querySelectorAll(selector)) {
      if (isUsed(element) || element.matches(".htmx-request")) waiting.add(one);
      else htmx.trigger(element, "changed");
    }
  }
}
for (const name of ["htmx:afterRequest", "htmx:afterSettle"]) {
  // Until it has settled, what is shown anew passes for what it was.
  document.addEventListener(name, () => waiting.size && changed([]));
}
for (const name of ["toggle", "focusout"]) {
  document.addEventListener(name, () => waiting.size && setTimeout(() => changed([]), 50), true);
}

// What was opened stays open when its part of the page is shown anew, and what was chosen stays chosen if it still says
// the same. Where somebody has begun to work in it meanwhile, what came is let go, and asked for once they are done.
let opened = [];
let chosen = [];
let done = [];
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  // What a dialog asked for is refused there, where it is seen and what was written still stands.
  if (detail.isError) {
    const { elt, target } = detail.requestConfig;
    detail.target = placeIn(elt) ?? (target?.matches(".pop:popover-open") ? target : detail.target);
  }
  if (detail.requestConfig.triggeringEvent?.type === "changed") {
    // Until its decision has arrived a request still waits: shown anew, it would offer to decide again.
    const isDecided = detail.target.querySelector(".published") !== null;
    if (isDecided || isUsed(detail.target)) {
      detail.shouldSwap = false;
      if (!isDecided) waiting.add(detail.elt.dataset.about);
      return;
    }
  }
  opened = [...document.querySelectorAll("details[open][id]")].map((one) => one.id);
  chosen = [...document.querySelectorAll('input[name="chosen"]:checked')].map((one) => one.value);
  done = detail.requestConfig.verb === "get" ? notices.told(document) : [];
});
// What is chosen is chosen from the first moment on: a click may come, or another part be shown anew, before all is settled.
// So are dates: by then it has been painted.
document.addEventListener("htmx:afterSwap", () => {
  if (done.length) notices.tellOn(done, document);
  localize(document, ahead);
  for (const one of document.querySelectorAll('input[name="chosen"]')) one.checked ||= chosen.includes(one.value);
  count();
});
document.addEventListener("htmx:afterSettle", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  localize(document, ahead);
  draw(document, window.uPlot);
});
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.requestConfig.verb === "post") {
    document.querySelector("#problems")?.replaceChildren();
    forget(detail.requestConfig.elt);
  }
  // A dialog that is filled anew does not go on telling of whom it was filled for before.
  const meanwhile = detail.target?.dataset.meanwhile;
  // Of a form's button the browser opens none.
  if (meanwhile && detail.elt.matches("form") && !detail.target.matches(":popover-open")) detail.target.showPopover();
  if (meanwhile) detail.target.replaceChildren(Object.assign(document.createElement("p"), { className: "fine", ariaBusy: "true", textContent: meanwhile }));
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.failed) (placeIn(detail.requestConfig.elt) ?? document.querySelector("#problems"))?.scrollIntoView({ block: "nearest" });
});
document.addEventListener("toggle", ({ target, newState }) => newState === "closed" && target.matches(".pop") && forget(target), true);

function follow() {
  const sign = document.querySelector("[data-live]");
  if (!sign) return;
  const names = { live: "Live", away: "Not live", connecting: "Live", "signed-out": "Signed out" };
  const address = new URL("live.js", import.meta.url);
  const kind = { type: "module", name: "events" };
  const stream = window.SharedWorker ? new SharedWorker(address, kind).port : new Worker(address, kind);
  stream.onmessage = ({ data }) => {
    if (data.state) {
      sign.dataset.live = data.state;
      sign.textContent = names[data.state] ?? data.state;
      connection(data.state, new Date(Date.now() + ahead));
    }
    if (data.lastId) localStorage.setItem("heard", data.lastId);
    if (data.about) changed(data.about);
  };
  stream.postMessage({ lastId: localStorage.getItem("heard") });
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw(document, window.uPlot));
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== width) redraw(document, window.uPlot);
  width = innerWidth;
});

// A menu closes once something in it, or anything else, is chosen.
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!target.closest("summary") || !menu.contains(target)) menu.open = false;
  }
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
// What was checked was checked of the form as it was.
document.addEventListener("input", ({ target }) => target.closest(".pop form")?.querySelector("[data-checked]")?.remove());

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
  // Whoever had it open finds it so on the next page, and the focus where every page has it.
  let isAsFound = chat.matches(":popover-open");
  const keep = () => {
    const html = [...said.children].filter((one) => one.id !== "hints").map((one) => one.outerHTML).join("");
    sessionStorage.setItem(key, JSON.stringify({ html, conversation: field("conversation").value, open: chat.matches(":popover-open") }));
    said.scrollTop = said.scrollHeight;
  };
  chat.addEventListener("toggle", ({ newState }) => {
    if (newState !== "open") document.querySelector("#chat-open").focus();
    else if (!isAsFound) field("text").focus();
    isAsFound = false;
    keep();
    // The page has more room, or less.
    redraw(document, window.uPlot);
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
  try {
    const answer = await fetch("/api/integrations/salesloft/connect", { method: "POST", headers: { "x-csrf-token": token } });
    const { connect_url, detail } = await answer.json();
    if (answer.ok && connect_url) return location.assign(connect_url);
    told(target, "Not connected", detail ?? "It could not be begun.");
  } catch {
    told(target, "No answer came", "It could not be begun. Try again in a moment.");
  }
  target.disabled = false;
});

localize(document, ahead);
draw(document, window.uPlot);
follow();
setInterval(() => localize(document, ahead), 30_000);
