// Charts by uPlot, in the colours of where they stand.

const COLOURS = {
  sent: "--soft", opened: "--accent", replied: "--good", asked_for: "--soft", enrolled: "--accent",
  were: "--soft", kept_back: "--held", beside: "--good", requests: "--accent",
};

export function draw(root, uPlot) {
  if (!uPlot) return;
  for (const figure of root.querySelectorAll("[data-chart]")) {
    if (figure.firstChild) continue;
    const told = JSON.parse(figure.dataset.chart);
    const names = figure.dataset.series.split(",");
    const colour = (name) => resolved(figure, name);
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui", size: 24 };
    const series = names.map((name) => ({ stroke: colour(COLOURS[name]), fill: name === "were" ? colour("--line") : undefined, width: 1.5, points: { show: false } }));
    new uPlot(
      {
        width: figure.clientWidth, height: figure.clientHeight, legend: { show: false }, cursor: { show: false }, pxAlign: false,
        scales: { y: { range: (_, low, high) => [0, Math.max(high, 2)] } },
        axes: [{ ...axis, grid: { show: false }, space: 70, values: (_, ticks) => ticks.map((at) => new Date(at * 1000).toLocaleDateString(undefined, { day: "numeric", month: "short" })) }, { ...axis, space: 24, incrs: [1, 2, 5, 10, 20, 50, 100, 500, 1000] }],
        series: [{}, ...series],
      },
      [told.days, ...names.map((name) => told[name])],
      figure,
    );
  }
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
