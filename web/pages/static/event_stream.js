// The event stream, read with fetch: a token may go along in a header, and what was missed is told after the last id.

export const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

// Until it is to stop, or nobody is known any more. `ask` fetches with the headers that it is given; `heard` gets each
// event, and whether it is the first of all; `be` gets "live", "away" or "signed-out".
export async function follow({ ask, heard, be, lastId = null, signal }) {
  for (let pause = FIRST_PAUSE_MS; !signal?.aborted; pause = longer(pause)) {
    try {
      const answer = await ask(lastId ? { "last-event-id": lastId } : {});
      if (answer.status === 401) return be("signed-out");
      if (!answer.ok) throw new Error(`the event stream answered ${answer.status}`);
      be("live");
      for await (const event of events(answer.body)) {
        const isFirst = lastId === null;
        if (event.id) lastId = event.id;
        heard(event, isFirst);
      }
      pause = FIRST_PAUSE_MS;
    } catch {
      if (!signal?.aborted) be("away");
    }
    await rest(pause, signal);
  }
}

export function longer(pause) {
  return Math.min(pause * 2, LONGEST_PAUSE_MS);
}

// For about that long: many who wait for the same do not come back in one moment.
export function rest(pause, signal) {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, pause * (0.5 + Math.random()));
    signal?.addEventListener("abort", over);
  });
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    yield* blocks.map(parsed);
  }
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
