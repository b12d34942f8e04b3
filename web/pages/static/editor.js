// A mapping's form: an answer that comes after somebody has gone on writing would take back what they wrote meanwhile,
// and with the buttons that it takes away what was pressed. It is let go, and its part of the form is asked for once more,
// as the form is then.

let edits = 0;
const isOfDraft = (element) => element.form?.id === "draft" && element.tagName !== "FORM";

document.addEventListener("input", ({ target }) => {
  if (!isOfDraft(target)) return;
  edits += 1;
  outdate();
});
// By a person: what is asked for once more is triggered here.
document.addEventListener("click", ({ target, isTrusted }) => {
  const button = target.closest("button[hx-post]");
  if (isTrusted && button && isOfDraft(button)) edits += 1;
}, true);
// What was counted is of the form as it was before: it is not shown as if it were of the form as it is.
function outdate() {
  const figures = document.querySelector("#figures");
  figures?.classList.add("old");
  figures?.setAttribute("aria-busy", "true");
}
// What is folded away and not filled in as it has to be is shown, so that it can be mended.
document.addEventListener("invalid", ({ target }) => target.closest("details:not([open])")?.setAttribute("open", ""), true);
// What nobody but the editor can say is asked for where it is filled in.
document.addEventListener("htmx:afterSettle", () => {
  if (document.querySelector("#trial label")) document.querySelector("#imagining")?.setAttribute("open", "");
});
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  detail.requestConfig.edits = edits;
  if (detail.elt.matches("aside.beside")) outdate();
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { elt: asking, edits: before } = detail.requestConfig;
  if (!isOfDraft(asking) || before === edits) return;
  detail.shouldSwap = false;
  htmx.trigger(asking, asking.matches("select") ? "change" : "click");
});
