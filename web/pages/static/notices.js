// What was done is told until something else is: it would be gone at once, for what is done is itself a change. It goes
// once what it is about stands otherwise than when it was told, for then it has come about.

export function told(root) {
  return [...(root.querySelector("#done")?.childNodes ?? [])];
}

export function tellOn(notices, root) {
  root.querySelector("#done")?.replaceChildren(...notices.filter((one) => !one.dataset?.of || one.dataset.stands === standing(one.dataset.of, root)));
}

// Of what is shown no more: nothing.
function standing(id, root) {
  return root.querySelector(`#${CSS.escape(id)}`)?.dataset.stands ?? "";
}
