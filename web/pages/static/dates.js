// Dates in the reader's zone and words. `ahead` is how far the service's clock is before the browser's, milliseconds.

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function spelt(seconds) {
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return relative.format(Math.trunc(seconds / size), unit);
}
function relatively(instant, style, ahead) {
  const seconds = (instant - Date.now() - ahead) / 1000;
  return style === "ago" ? spelt(Math.min(seconds, 0)) : seconds <= 0 ? "any moment" : spelt(seconds);
}

// Whether a clock there shows what one here shows, in winter and in summer; of a zone that is not known here: no.
function likeHere(zone) {
  try {
    return [0, 182].every((days) => {
      const at = new Date(Date.now() + days * 86_400_000);
      return at.toLocaleString("en", { timeZone: zone }) === at.toLocaleString("en");
    });
  } catch {
    return false;
  }
}

// The day on which an instant is where the reader is, as a field for dates has it.
function dayOf(instant) {
  return [instant.getFullYear(), instant.getMonth() + 1, instant.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

export function localize(root, ahead) {
  // What shall end in the future ends on a later morning.
  for (const input of root.querySelectorAll("input[data-morning]")) input.min = dayOf(new Date(Date.now() + ahead + 86_400_000));
  for (const element of root.querySelectorAll("[data-zone]")) element.hidden = likeHere(element.dataset.zone);
  for (const element of root.querySelectorAll("time[datetime]")) {
    const told = element.getAttribute("datetime");
    if (!told.includes("T")) {
      element.textContent = day.format(new Date(`${told}T12:00:00`));
      continue;
    }
    const instant = new Date(told);
    element.textContent = element.dataset.style === "moment" ? moment.format(instant) : relatively(instant, element.dataset.style, ahead);
    element.title = moment.format(instant);
  }
}

// A day that somebody chooses begins in the morning, where they are.
export function mornings(root, fields) {
  for (const input of root.querySelectorAll?.("input[data-morning]") ?? []) {
    if (input.value) fields.set(input.name, new Date(`${input.value}T08:00:00`).toISOString());
  }
}
