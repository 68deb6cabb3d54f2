"use strict";

// Draws the pictures of a report. A text `var(--name)` in a picture is a colour of the style sheet, so that
// a picture follows light and dark.
(() => {
  const pictures = JSON.parse(document.getElementById("pictures").textContent);
  const chosen = {};
  const drawnWidth = {};
  const narrow = 600;

  const style = () => getComputedStyle(document.documentElement);

  function coloured(value, colours) {
    if (typeof value === "string") {
      return value.startsWith("var(--") ? colours.getPropertyValue(value.slice(4, -1)).trim() : value;
    }
    if (Array.isArray(value)) {
      return typeof value[0] === "number" ? value : value.map((inner) => coloured(inner, colours));
    }
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, coloured(inner, colours)]));
    }
    return value;
  }

  function axisStyle(axis) {
    return {
      automargin: true,
      gridcolor: "var(--line)",
      linecolor: "var(--line)",
      zerolinecolor: "var(--line)",
      zeroline: false,
      ...axis,
      title: { ...axis.title, standoff: 8, font: { size: 12 } },
    };
  }

  function layoutOf(picture, view, width) {
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: style().getPropertyValue("--font"), size: 12, color: "var(--ink)" },
      margin: { l: 48, r: 16, t: 12, b: 40 },
      legend: { orientation: "h", yanchor: "top", y: -0.16, x: 0, itemwidth: 30, traceorder: "normal" },
      hoverlabel: { bgcolor: "var(--sheet)", bordercolor: "var(--line)", font: { color: "var(--ink)", size: 12 } },
      dragmode: "zoom",
      ...picture.layout,
      ...view.layout,
    };
    layout.legend = { ...layout.legend, y: -64 / Math.max(picture.height - 120, 60) };
    for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      layout[name] = axisStyle(layout[name]);
      if (width < narrow && layout[name].type !== "category") layout[name].nticks = 6;
    }
    return layout;
  }

  async function draw(id) {
    const picture = pictures[id];
    const place = document.getElementById(`picture-${id}`);
    const at = chosen[id] || 0;
    const view = picture.views[at];
    const colours = style();
    // Where a legend takes a line for each name, the picture gets that much higher.
    const names = view.traces.filter((trace) => trace.showlegend !== false).length;
    const more = place.clientWidth < narrow && names > 2 ? 19 * names : 0;
    place.style.height = `${picture.height + more}px`;
    const layout = coloured(layoutOf(picture, view, place.clientWidth), colours);
    const config = { displaylogo: false, responsive: true, displayModeBar: false, doubleClick: "reset" };
    await Plotly.react(place, coloured(view.traces, colours), layout, config);
    if (place.clientWidth !== drawnWidth[id] && id in drawnWidth) await Plotly.Plots.resize(place);
    drawnWidth[id] = place.clientWidth;
    place.dataset.view = at;
  }

  async function drawAll() {
    await Promise.all(Object.keys(pictures).map(draw));
    const words = [dark.matches ? "dark" : "light", small.matches ? "narrow" : "wide"];
    document.documentElement.dataset.drawn = words.join(" ");
  }

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const small = matchMedia(`(max-width: ${narrow}px)`);
  for (const select of document.querySelectorAll("select[data-picture]")) {
    select.addEventListener("change", () => {
      chosen[select.dataset.picture] = Number(select.value);
      draw(select.dataset.picture);
    });
  }
  dark.addEventListener("change", drawAll);
  small.addEventListener("change", drawAll);
  drawAll();
})();
