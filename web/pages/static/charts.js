// Charts by uPlot, in the colours of where they stand.

const COLOURS = {
  sent: "--plain", opened: "--accent", replied: "--good", asked_for: "--accent", enrolled: "--good",
  were: "--plain", kept_back: "--held", beside: "--good", requests: "--accent",
};

export function draw(root, uPlot) {
  if (!uPlot) return;
  for (const figure of root.querySelectorAll("[data-chart]")) {
    if (figure.firstChild) continue;
    const told = JSON.parse(figure.dataset.chart);
    const names = figure.dataset.series.split(",");
    const colour = (name) => resolved(figure, name);
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui", size: 24 };
    const isSparse = 2 * told.days.filter((_, day) => names.some((name) => told[name][day])).length < told.days.length;
    const line = (name) => ({ stroke: colour(COLOURS[name]), fill: name === "were" ? colour("--line") : undefined, width: 1.5, points: { show: false } });
    const bar = (name, place) => ({ fill: colour(COLOURS[name]), width: 0, points: { show: false }, paths: bars(place, names.length) });
    new uPlot(
      {
        width: figure.clientWidth, height: figure.clientHeight, legend: { show: false }, cursor: { show: false }, pxAlign: false,
        scales: { x: isSparse ? { range: (_, first, last) => [first - DAY_S / 2, last + DAY_S / 2] } : {}, y: { range: (_, low, high) => [0, Math.max(high, 2)] } },
        axes: [{ ...axis, grid: { show: false }, splits: () => some(told.days, figure.clientWidth), values: (_, days) => days.map(named) }, { ...axis, space: 24, incrs: [1, 2, 5, 10, 20, 50, 100, 500, 1000] }],
        series: [{}, ...names.map(isSparse ? bar : line)],
      },
      [told.days, ...names.map((name) => told[name])],
      figure,
    );
  }
}

// Where most days have nothing, a line would lead from one lonely day to the next as if there were something between
// them: each has bars then, those of a day beside one another.
const DAY_S = 86_400;
const MOST_OF_A_DAY = 0.7;
const WIDEST_PX = 28;

function bars(place, among) {
  return (plot, series) => {
    const fill = new Path2D();
    const x = (day) => plot.valToPos(day, "x", true);
    const y = (count) => plot.valToPos(count, "y", true);
    const [days, counts] = [plot.data[0], plot.data[series]];
    const together = Math.min(MOST_OF_A_DAY * (x(days[0] + DAY_S) - x(days[0])), WIDEST_PX * devicePixelRatio);
    const width = Math.max(together / among, devicePixelRatio);
    days.forEach((day, index) => fill.rect(x(day) + (place - among / 2) * width, y(counts[index]), width, y(0) - y(counts[index])));
    return { fill };
  };
}

// Days are counted in UTC and named so: in the reader's zone the first second of one is the day before.
const DAY_PX = 70;
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

function named(day) {
  return DAY.format(new Date(day * 1000));
}

// Each day once, and as many of them as there is room for.
function some(days, width) {
  const each = Math.ceil((days.length * DAY_PX) / width);
  return days.filter((_, place) => place % each === 0);
}

export function redraw(root, uPlot) {
  for (const figure of root.querySelectorAll("[data-chart]")) figure.replaceChildren();
  draw(root, uPlot);
}

function resolved(figure, name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  figure.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}
