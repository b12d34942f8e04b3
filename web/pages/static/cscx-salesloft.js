// What a page of others shows of ours: <cscx-salesloft-contact stakeholder-id="…"> and <cscx-salesloft-customer
// customer-id="…">. An element draws nothing by itself: it asks for the same parts that our own pages are made of, and does
// what they say of themselves (hx-get, hx-post and their kin) with the token that its page hands it. Who may ask at all is
// the service's to say.

import { draw, redraw } from "./charts.js";
import { localize, mornings } from "./dates.js";
import { FIRST_PAUSE_MS, follow, longer, rest } from "./event_stream.js";
import * as notices from "./notices.js";
import { forget, placeIn } from "./refusals.js";

const SERVICE = new URL(import.meta.url).origin;
const PARTS = "/embedded";
const REST_MS = 500;
const RELOCALIZED_MS = 30_000;
const SIGNS = { live: "Live", away: "Not live", connecting: "", "signed-out": "Signed out" };
const DARK = matchMedia("(prefers-color-scheme: dark)");
// Nothing came of it, or somebody is still at it: asked again it is the same question.
const UNSETTLED = new Set([401, 409, 429]);
const FINAL = new Set([400, 401, 403, 404, 422]);
// What the service sends is escaped there; a page that wants to know who makes markup of text finds this name.
const markup = globalThis.trustedTypes?.createPolicy("cscx-salesloft", { createHTML: (text) => text }) ?? { createHTML: (text) => text };

const sheets = {};
function sheet(name) {
  sheets[name] ??= read(name).then(async (answer) => new CSSStyleSheet().replace(await answer.text()));
  sheets[name].catch(() => delete sheets[name]);
  return sheets[name];
}
async function read(name) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name} answered ${answer.status}`);
  return answer;
}

function made(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

function parsed(text) {
  return [...new DOMParser().parseFromString(markup.createHTML(text), "text/html").body.childNodes];
}

class Embedded extends HTMLElement {
  #shadow = this.attachShadow({ mode: "open" });
  #view = made("div", { id: "view", tabindex: "-1" });
  #problems = made("div", { id: "problems", "aria-live": "assertive" });
  #notice = made("div", { id: "notice", role: "status" });
  #sign = made("span", { class: "live" });
  #shown = false;
  #begun = null;
  #following = null;
  #lastId = null;
  #waiting = false;
  #due = null;
  #pause = REST_MS;
  #refreshed = 0;
  #asked = 0;
  #readAt = null;
  #ahead = 0;
  #token = null;
  #getToken = null;
  #renewing = null;
  #keys = new Map();
  #uPlot = null;

  constructor() {
    super();
    const frame = made("div", { class: "embedded" }, this.#problems, this.#notice, this.#view, made("p", { class: "foot" }, this.#sign));
    this.#shadow.append(frame);
    this.#shadow.addEventListener("click", (event) => this.#clicked(event));
    this.#shadow.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#part(event.target);
    });
    this.#shadow.addEventListener("toggle", ({ target }) => {
      if (target.matches("details[open][hx-get]:not([data-asked])")) {
        target.dataset.asked = "";
        this.#part(target);
      }
      if (target.matches(".pop:not(:popover-open)")) forget(target);
      this.#later();
    }, true);
    // What was checked was checked of the form as it was.
    this.#shadow.addEventListener("input", ({ target }) => target.closest(".pop form")?.querySelector("[data-checked]")?.remove());
    this.#shadow.addEventListener("focusout", () => this.#later());
    new ResizeObserver(() => this.#redraw()).observe(this);
  }

  // The platform's token of whoever looks. `getToken` is asked for one, and again, with `{ refused: true }`, when that is
  // no longer good; a token that is set by hand is replaced by hand, on the event `cscx-salesloft-signed-out`.
  get getToken() { return this.#getToken; }
  set getToken(callback) {
    this.#getToken = callback;
    this.#token = null;
    this.#begin();
  }
  set token(token) {
    this.#token = token;
    this.#begin();
  }

  connectedCallback() {
    // What the page has set before it had this script was set on a mere element.
    for (const name of ["getToken", "token"]) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      this[name] = value;
    }
    document.addEventListener("visibilitychange", this.#seen);
    DARK.addEventListener("change", this.#redraw);
    this.#begin();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#seen);
    DARK.removeEventListener("change", this.#redraw);
    this.#end();
  }

  attributeChangedCallback(name, was, is) {
    if (name === "theme") this.#redraw();
    else if (was !== is) this.#begin();
  }

  #end() {
    this.#begun?.abort();
    this.#following?.abort();
    this.#begun = null;
  }

  // Once for all that a page sets in one go.
  #begin() {
    this.#end();
    if (!this.isConnected) return;
    const begun = new AbortController();
    this.#begun = begun;
    this.#lastId = null;
    this.#shown = false;
    this.#be("connecting");
    queueMicrotask(() => begun.signal.aborted || this.#run(begun.signal));
  }

  async #run(signal) {
    this.#wait();
    if (this.#token === null && this.#getToken === null) return;
    for (let pause = FIRST_PAUSE_MS; ; pause = longer(pause)) {
      const isOver = await this.#load(signal);
      if (signal.aborted) return;
      if (isOver) break;
      await rest(pause, signal);
    }
    if (!this.#shown) return;
    this.#follow();
    const clock = setInterval(() => localize(this.#shadow, this.#ahead), RELOCALIZED_MS);
    signal.addEventListener("abort", () => clearInterval(clock));
  }

  // Whether there is nothing more to try: it is shown, or is not to be.
  async #load(signal) {
    let answer;
    try {
      await this.#dress();
      answer = await this.#ask(this.path, { signal });
    } catch {
      if (!signal.aborted) await this.#unreachable();
      return false;
    }
    if (signal.aborted) return true;
    if (answer.ok) {
      this.#show(await answer.text());
      return true;
    }
    if (answer.status === 401) this.#signedOut();
    else await this.#refused(answer);
    return FINAL.has(answer.status);
  }

  async #dress() {
    if (this.#shadow.adoptedStyleSheets.length) return;
    this.#shadow.adoptedStyleSheets = await Promise.all(["embedded.css", "app.css", "uPlot.min.css"].map(sheet));
  }

  #follow() {
    this.#following?.abort();
    if (document.hidden) return;
    this.#following = new AbortController();
    const { signal } = this.#following;
    let opened = null;
    const opening = (token) => { opened = token; };
    follow({
      ask: (headers) => this.#ask(`/api/salesloft/events?${this.about}`, { headers, signal, opening }),
      heard: (event, isFirst) => {
        if (event.id) this.#lastId = event.id;
        if (event.name === "end" && JSON.parse(event.data).reason === "token_expired") this.#renewed(opened);
        if (event.name === "ready" ? isFirst : event.data && event.name !== "end") this.#changed();
      },
      be: (state) => signal.aborted || this.#be(state),
      lastId: this.#lastId,
      signal,
    });
  }

  // A page that nobody sees keeps no connection open; when it is seen again it is told what it has missed.
  #seen = () => {
    if (document.hidden) this.#following?.abort();
    else if (this.#begun && this.#shown) this.#follow();
  };

  // Asking, as whoever looks. A token that is refused is renewed once; `opening` is told with which one it is asked.
  async #ask(path, { method = "GET", body, headers = {}, signal, opening } = {}) {
    const asked = async (token) => {
      opening?.(token);
      return fetch(new URL(path, SERVICE), {
        method, body, signal, headers: { ...headers, authorization: `Bearer ${token}` },
        credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer",
      });
    };
    const token = this.#token ?? (await this.#renewed(null));
    if (token === null) return new Response(null, { status: 401 });
    const answer = await asked(token);
    if (answer.status !== 401) return answer;
    const renewed = await this.#renewed(token);
    return renewed === null ? answer : asked(renewed);
  }

  // Another token than the one that was refused; one question at a time, whoever wants to know.
  async #renewed(refused) {
    if (this.#token !== refused) return this.#token;
    if (this.#getToken === null) return null;
    this.#renewing ??= this.#given(refused !== null).finally(() => { this.#renewing = null; });
    const token = await this.#renewing;
    if (this.#token === refused) this.#token = token;
    return token;
  }

  async #given(refused) {
    try {
      return (await this.#getToken({ refused })) || null;
    } catch (error) {
      console.warn("cscx-salesloft: getToken gave no token:", error);
      return null;
    }
  }

  // What a part says of itself: whom to ask, with what, and where the answer goes.
  async #part(element) {
    const form = element.matches("form") ? element : element.closest("form");
    const target = this.#target(element);
    const isChange = element.hasAttribute("hx-post");
    const path = element.getAttribute(isChange ? "hx-post" : "hx-get");
    const body = isChange ? new URLSearchParams(new FormData(form)) : undefined;
    const isTry = element.hasAttribute("hx-vals");
    if (isChange) mornings(form, body);
    if (isTry) for (const [name, value] of Object.entries(JSON.parse(element.getAttribute("hx-vals")))) body.set(name, value);
    const headers = isChange && !isTry ? { "idempotency-key": this.#key(`${path} ${body}`) } : {};
    const buttons = isChange ? form.querySelectorAll("button") : [];
    this.#problems.replaceChildren();
    if (isChange) forget(element);
    for (const button of buttons) button.disabled = true;
    try {
      const answer = await this.#ask(path, { method: isChange ? "POST" : "GET", body, headers });
      if (!UNSETTLED.has(answer.status) && answer.status < 500) this.#keys.delete(`${path} ${body}`);
      if (!answer.ok) return answer.status === 401 ? this.#signedOut() : await this.#refused(answer, element);
      const nodes = parsed(await answer.text());
      if (isChange) this.#asked += 1;
      if (element.getAttribute("hx-swap") === "outerHTML") target.replaceWith(...nodes);
      else target.replaceChildren(...nodes);
      await this.#settle();
      if (isChange && !isTry) this.#view.focus({ preventScroll: true });
    } catch {
      const what = isChange ? "It is not known whether it was done. Press again: it is done once at most." : "The service does not answer.";
      this.#complain(problem("No answer came", what), element);
    } finally {
      for (const button of buttons) button.disabled = false;
      this.#later();
    }
  }

  #target(element) {
    const told = element.getAttribute("hx-target");
    if (told.startsWith("closest ")) return element.closest(told.slice(8));
    if (told.startsWith("find ")) return element.querySelector(told.slice(5));
    return this.#shadow.querySelector(told);
  }

  // The same as long as nobody knows what came of it, though the form may have been shown anew meanwhile.
  #key(asked) {
    if (!this.#keys.has(asked)) this.#keys.set(asked, crypto.randomUUID());
    return this.#keys.get(asked);
  }

  #clicked(event) {
    const link = event.target.closest("a[href]");
    const button = event.target.closest("button[hx-get], button[hx-post]");
    if (button) this.#part(button);
    if (!link) return;
    const [, kind, id] = /\/app\/(\w+)s\/([^/?#]+)$/.exec(new URL(link.href).pathname) ?? [];
    const detail = { kind: kind ?? null, id: id ? decodeURIComponent(id) : null, href: link.href };
    const opening = new CustomEvent("cscx-salesloft-open", { detail, bubbles: true, composed: true, cancelable: true });
    if (!this.dispatchEvent(opening)) event.preventDefault();
  }

  // What has changed is asked for at once, then twice a second at most, and not while somebody is at work in it.
  #changed() {
    this.#waiting = true;
    this.#later();
  }
  #later() {
    if (!this.#waiting || this.#due !== null) return;
    this.#due = setTimeout(() => {
      this.#due = null;
      this.#refresh();
    }, Math.max(0, this.#refreshed + REST_MS - performance.now()));
  }
  #isUsed() {
    return this.#shadow.querySelector(".pop:popover-open") !== null || this.#shadow.activeElement?.matches("input, select, textarea");
  }
  async #refresh() {
    const signal = this.#begun?.signal;
    if (!this.#waiting || !signal || this.#isUsed()) return;
    this.#waiting = false;
    this.#refreshed = performance.now();
    const mine = ++this.#asked;
    try {
      const answer = await this.#ask(this.path, { signal });
      if (answer.ok) {
        const text = await answer.text();
        // Something newer may have come meanwhile, or somebody may have begun to work in it.
        if (mine !== this.#asked) return;
        if (this.#isUsed()) this.#waiting = true;
        else this.#show(text);
        this.#pause = REST_MS;
      } else if (answer.status === 401) this.#signedOut();
      else if (answer.status === 404) await this.#refused(answer);
      else throw new Error(`it answered ${answer.status}`);
    } catch {
      if (signal.aborted) return;
      this.#pause = longer(this.#pause);
      await rest(this.#pause, signal);
      this.#changed();
    }
  }

  // What can be seen.
  #show(text) {
    const opened = [...this.#shadow.querySelectorAll("details[open][id]")].map((one) => one.id);
    const focused = this.#shadow.activeElement?.id;
    const done = notices.told(this.#view);
    this.#shown = true;
    this.#view.replaceChildren(...parsed(text));
    notices.tellOn(done, this.#view);
    this.#view.removeAttribute("aria-busy");
    const told = this.#view.querySelector("[data-read-at]").dataset.readAt;
    this.#readAt = new Date();
    this.#ahead = new Date(told) - this.#readAt;
    for (const id of opened) this.#shadow.getElementById(id)?.setAttribute("open", "");
    if (focused) this.#shadow.getElementById(focused)?.focus({ preventScroll: true });
    this.#settle();
  }

  async #settle() {
    localize(this.#shadow, this.#ahead);
    for (const link of this.#view.querySelectorAll("a[href^='/']")) {
      link.href = new URL(link.getAttribute("href"), SERVICE);
      link.target = "_blank";
      link.rel = "noopener";
    }
    if (!this.#shadow.querySelector("[data-chart]")) return;
    this.#uPlot ??= (await import("./uPlot.js")).default;
    draw(this.#shadow, this.#uPlot);
  }

  #redraw = () => this.#uPlot && redraw(this.#shadow, this.#uPlot);

  #wait() {
    this.#view.setAttribute("aria-busy", "true");
    const bones = made("div", { class: "waits", "aria-hidden": "true" }, ...Array.from({ length: 3 }, () => made("i")));
    this.#view.replaceChildren(bones, made("p", { class: "hidden" }, "Reading…"));
    this.#problems.replaceChildren();
  }

  #be(state) {
    if (state === "signed-out" && this.#sign.dataset.live !== state) this.dispatchEvent(new CustomEvent("cscx-salesloft-signed-out", { bubbles: true, composed: true }));
    this.#sign.dataset.live = state;
    this.#sign.textContent = this.#shown ? SIGNS[state] : "";
    const since = this.#readAt?.toLocaleTimeString(undefined, { timeStyle: "short" });
    const stale = { away: `Not live: this is how it was at ${since}. It catches up by itself.`, "signed-out": `Signed out: this is how it was at ${since}.` };
    const note = this.#shown && stale[state] ? made("p", { class: "note held" }, stale[state]) : "";
    if (note && state === "signed-out") note.append(" ", this.#again());
    this.#notice.replaceChildren(note);
  }

  #signedOut() {
    this.#be("signed-out");
    if (!this.#shown) this.#instead(problem("You are not signed in any more", "The page that shows this has to sign you in anew."));
  }

  // A refusal, in the service's own words.
  async #refused(answer, part) {
    const isDrawn = answer.headers.get("content-type")?.startsWith("text/html");
    const told = isDrawn ? parsed(await answer.text()) : await answer.json().then((one) => problem(one.title, one.detail), () => problem("It cannot be shown", ""));
    if (part) this.#complain(told, part);
    else this.#instead(told);
  }

  #complain(told, part) {
    const nodes = [told].flat();
    // A part that went meanwhile is told of above what is there instead.
    const place = (part.isConnected && (placeIn(part) ?? this.#target(part)?.closest(".pop:popover-open"))) || this.#problems;
    place.replaceChildren(...nodes);
    place.scrollIntoView({ block: "nearest" });
  }

  #instead(told) {
    this.#view.removeAttribute("aria-busy");
    this.#view.replaceChildren(...[told].flat(), made("div", { class: "actions" }, this.#again()));
    this.#shown = false;
  }

  #again() {
    const again = made("button", { type: "button" }, "Try again");
    again.addEventListener("click", () => this.#begin());
    return again;
  }

  // A browser does not say why nothing may be read. Where the service's files can be had, it is this page that may not.
  async #unreachable() {
    const isThere = await read("embedded.css").then(() => true, () => false);
    if (isThere) this.#instead(problem("It cannot be shown on this page", `${location.origin} is not among the addresses that your organization lets show it. An admin can add it to the organization's settings.`));
    else this.#instead(problem("The service cannot be reached", "It is tried again by itself."));
  }
}

function problem(title, detail) {
  return made("div", { class: "problem", role: "alert" }, made("strong", {}, title), made("p", {}, detail));
}

function defined(name, kind, attribute) {
  customElements.define(name, class extends Embedded {
    static observedAttributes = [attribute, "theme"];
    get path() { return `${PARTS}/${kind}s/${encodeURIComponent(this.getAttribute(attribute) ?? "")}`; }
    get about() { return new URLSearchParams({ [`${kind}_id`]: this.getAttribute(attribute) ?? "" }); }
  });
}
defined("cscx-salesloft-contact", "stakeholder", "stakeholder-id");
defined("cscx-salesloft-customer", "customer", "customer-id");
