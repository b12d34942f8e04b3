// Where a dialog tells what it was refused: within its form, above its buttons, while it is open. What is behind a
// dialog is not seen, and on a phone is not even beside it.

export function placeIn(element) {
  const form = element.closest(".pop:popover-open form");
  if (!form) return null;
  const place = form.querySelector(".problems") ?? Object.assign(document.createElement("div"), { className: "problems" });
  if (!place.isConnected) form.insertBefore(place, form.querySelector(":scope > .actions"));
  return place;
}

// What was refused before is not told of what is asked now, nor of a dialog that is opened anew.
export function forget(element) {
  for (const place of (element.closest(".pop") ?? element).querySelectorAll(".problems")) place.replaceChildren();
}

// Something that no answer tells of, where the refusal of what was pressed would be told.
export function told(element, title, detail) {
  const problem = Object.assign(document.createElement("div"), { className: "problem" });
  problem.setAttribute("role", "alert");
  problem.append(Object.assign(document.createElement("strong"), { textContent: title }), Object.assign(document.createElement("p"), { textContent: detail }));
  const place = placeIn(element) ?? document.querySelector("#problems");
  place.replaceChildren(problem);
  place.scrollIntoView({ block: "nearest" });
}
