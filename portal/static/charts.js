// Draws every <div class="plot"> with uPlot from the data-series="URL" around it; the table beside it says the same.
(() => {
  "use strict";
  const plots = new Map();
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const POWERS = Array.from({ length: 51 }, (_, power) => 2 ** power);
  function size(value) {
    let unit = 0;
    while (Math.abs(value) >= 1024 && unit < BINARY.length - 1) [value, unit] = [value / 1024, unit + 1];
    return `${value.toFixed(value < 10 && unit ? 1 : 0)} ${BINARY[unit]}`;
  }
  const plain = (value) => (Math.abs(value) >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString("en") : value.toFixed(1));
  const SIGNS = { watts: "W", celsius: "°C", gpus: "" };
  function format(unit) {
    const shown = { ratio: (v) => `${Math.round(v * 100)} %`, bytes: size }[unit] || ((v) => `${plain(v)} ${SIGNS[unit] ?? unit}`.trim());
    return (value) => (value == null ? "–" : shown(value));
  }

  function options(series, element) {
    const text = format(series.unit);
    const axis = {
      stroke: token("--muted"),
      font: "12px Inter, system-ui, sans-serif",
      grid: { stroke: token("--line"), width: 1 },
      ticks: { show: false },
    };
    const lines = series.names.map((label, index) => ({
      label,
      stroke: token(`--s${(index % 8) + 1}`),
      width: 1.75,
      // Colour is not the only mark: every second line is dashed.
      dash: label.startsWith("other") || label.startsWith("all ") ? [6, 4] : index % 2 && series.names.length > 2 ? [10, 3] : undefined,
      points: { show: false },
      value: (_, value) => text(value),
    }));
    return {
      width: element.clientWidth,
      height: element.classList.contains("low") ? 150 : element.classList.contains("tall") ? 420 : 240,
      // Room for half of the last label of the time axis.
      padding: [null, 28, null, null],
      scales: { y: { range: (_, low, high) => [Math.min(0, low || 0), series.unit === "ratio" ? 1 : (high || 1) * 1.08] } },
      series: [{ value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" }, ...lines],
      axes: [
        {
          ...axis,
          space: 70, // the widest label, with seconds
          values: [
            [86400, "{MMM} {D}", null, null, null, null, null, null, 1],
            [60, "{HH}:{mm}", null, null, "\n{MMM} {D}", null, null, null, 1],
            [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1],
          ],
        },
        { ...axis, size: 66, incrs: series.unit === "bytes" ? POWERS : undefined, values: (_, ticks) => ticks.map(text) },
      ],
      cursor: { sync: { key: "page" }, points: { size: 6 } },
      legend: { live: true },
    };
  }

  const source = (element) => element.closest("[data-series]").dataset.series;
  async function load(address) {
    const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(20000) });
    return answer.ok ? answer.json() : null;
  }

  async function draw(element) {
    let series;
    const asked = source(element);
    try {
      series = await load(asked);
    } catch {
      return; // The table and the last drawing stay; the next poll tries again.
    }
    const known = plots.get(element);
    const empty = !series?.times.length || !series.names.length;
    const note = element.parentElement.querySelector(".no-data");
    if (note) note.hidden = !empty;
    if (empty) return;
    const data = [series.times, ...series.columns];
    const shape = asked + series.names.join("\n");
    if (known?.shape === shape) return known.plot.setData(data);
    known?.plot.destroy();
    const plot = new uPlot(options(series, element), data, element);
    plots.set(element, { plot, shape, source: asked, series, data });
  }

  const watcher = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const known = plots.get(target);
      if (known && target.clientWidth) known.plot.setSize({ width: target.clientWidth, height: known.plot.height });
    }
  });

  function drawAll() {
    for (const [element, { plot }] of plots) {
      if (!element.isConnected) {
        plot.destroy();
        plots.delete(element);
      }
    }
    for (const element of document.querySelectorAll("[data-series] .plot")) {
      watcher.observe(element);
      draw(element);
    }
  }
  function repaint() {
    for (const [element, known] of plots) {
      known.plot.destroy();
      known.plot = new uPlot(options(known.series, element), known.data, element);
    }
  }
  // A poll may bring another range: the default one of a young fleet grows with it.
  function drawChanged() {
    for (const [element, known] of plots) if (element.isConnected && known.source !== source(element)) draw(element);
  }
  document.addEventListener("neurox:poll", drawAll);
  document.addEventListener("htmx:after:swap", drawChanged);
  document.addEventListener("neurox:theme", repaint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  drawAll();
})();
