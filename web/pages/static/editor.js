// A mapping's form: an answer that comes after somebody has gone on writing would take back what they wrote meanwhile.
// It is let go, and its part of the form is asked for once more, as the form is then.

let edits = 0;
const isOfDraft = (element) => element.form?.id === "draft" && element.tagName !== "FORM";

document.addEventListener("input", ({ target }) => {
  if (isOfDraft(target)) edits += 1;
});
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  detail.requestConfig.edits = edits;
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { elt: asking, edits: before } = detail.requestConfig;
  if (!isOfDraft(asking) || before === edits) return;
  detail.shouldSwap = false;
  htmx.trigger(asking, asking.matches("select") ? "change" : "click");
});
