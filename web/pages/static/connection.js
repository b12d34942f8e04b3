// While the service cannot be reached a bar says so, and of when is what one sees. Nothing is sent that would not arrive:
// whether it would is asked when something is pressed, for the service may be back before the event stream is.

import { told } from "./refusals.js";

const ANYTHING = new URL("icon.svg", import.meta.url);
// Who is gone for a moment only, as at a restart, is not told of.
const PATIENCE_MS = 1000;
const ASKED_FOR_MS = 5000;

let since = null;
let due = null;

export function isAway() {
  return since !== null;
}

// `state` is of the event stream; `now` by the service's clock.
export function connection(state, now) {
  if (state === "away") {
    since ??= now;
    due ??= setTimeout(show, PATIENCE_MS);
    return;
  }
  clearTimeout(due);
  since = due = null;
  document.querySelector("#away")?.replaceChildren();
}

function show() {
  const time = since.toLocaleTimeString(undefined, { timeStyle: "short" });
  const day = since.toLocaleDateString(undefined, { dateStyle: "medium" });
  const seen = since.toDateString() === new Date().toDateString() ? time : `${day}, ${time}`;
  const said = Object.assign(document.createElement("p"), { textContent: `Not connected. What you see is from ${seen}. Trying again…` });
  document.querySelector("#away")?.replaceChildren(said);
}

async function isThere() {
  try {
    await fetch(ANYTHING, { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(ASKED_FOR_MS) });
    return true;
  } catch {
    return false;
  }
}

document.addEventListener("htmx:confirm", async (event) => {
  const { elt, verb, issueRequest } = event.detail;
  if (verb === "get" || !isAway()) return;
  event.preventDefault();
  if (await isThere()) issueRequest(true);
  else told(elt, "Not connected", "Nothing was sent. Press again once the connection is back.");
});

// What was on its way when the connection broke may have arrived, or not.
document.addEventListener("htmx:sendError", ({ detail }) => {
  const { elt, verb, triggeringEvent } = detail.requestConfig;
  if (verb !== "get") told(elt, "No answer came", "It is not known whether it was done. Look, before you press again.");
  else if (triggeringEvent?.type !== "changed") told(elt, "Not connected", "The service does not answer. Try again in a moment.");
});
