"use strict";
// Draws the page from the results that stand in it as JSON. Text is set as text, never as markup.
const DATA = JSON.parse(document.getElementById("data").textContent);
const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const plots = [];

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}
const number = x => typeof x === "string" ? x : x === null || x === undefined ? "–"
  : x === 0 ? "0" : Math.abs(x) >= 1e5 || Math.abs(x) < 1e-3 ? x.toExponential(3) : String(Number(x.toPrecision(5)));
const exact = x => element("span", { title: String(x) }, number(x));
const finite = x => typeof x === "number" && Number.isFinite(x);
const table = (run, name) => run.tables[name];

// ---- plots ----

function look() {
  const style = getComputedStyle(document.documentElement), of = name => style.getPropertyValue(name).trim();
  const axis = { gridcolor: of("--line"), zerolinecolor: of("--line"), linecolor: of("--soft"), automargin: true };
  return { paper: of("--paper"), ink: of("--ink"), axis };
}
function dressed(layout) {
  const { paper, ink, axis } = look();
  const dressed = {
    margin: { l: 60, r: 20, t: 64, b: 50 }, paper_bgcolor: paper, plot_bgcolor: paper, hovermode: "x unified",
    font: { color: ink, size: 13, family: "Inter, system-ui, sans-serif" }, hoverlabel: { bgcolor: paper, font: { color: ink } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, ...layout,
  };
  if (layout.scene) {
    const axes = ["xaxis", "yaxis", "zaxis"].map(name => [name, { ...axis, color: ink, ...layout.scene[name] }]);
    dressed.scene = { ...layout.scene, ...Object.fromEntries(axes) };
  } else {
    dressed.xaxis = { ...axis, ...layout.xaxis };
    dressed.yaxis = { ...axis, ...layout.yaxis };
  }
  return dressed;
}
// A plot with its description for those who do not see it. `layout` is called anew where the theme changes.
function plot(parent, label, traces, layout, tall = false) {
  const place = element("div", { class: tall ? "plot tall" : "plot", role: "img", "aria-label": label });
  parent.append(place);
  const settings = {
    responsive: true, displaylogo: false, displayModeBar: matchMedia("(max-width: 40rem)").matches ? false : "hover",
    modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d", "resetCameraLastSave3d"],
    toImageButtonOptions: { format: "svg" },
  };
  Plotly.newPlot(place, traces, dressed(layout()), settings);
  plots.push({ place, layout });
  return place;
}
const relaid = (place, layout) => Plotly.relayout(place, dressed(layout()));
// Traces are told apart by hue and, for print, by dashes.
const line = (x, y, name, i, more = {}) =>
  ({ x, y, name, mode: "lines", line: { color: COLORS[i % COLORS.length], dash: DASHES[i % DASHES.length], width: 2 }, ...more });

// Two buttons that switch the vertical axis.
function scale(parent, choose, positive) {
  const buttons = [["linear", "Linear"], ["log", "Logarithmic"]].map(([type, text]) =>
    element("button", { type: "button", "aria-pressed": String(type === "linear"), onclick: event => {
      buttons.forEach(b => b.setAttribute("aria-pressed", String(b === event.currentTarget)));
      choose(type);
    } }, text));
  if (positive) parent.append(...buttons);
}

// ---- parts of a run ----

function command(parent, run) {
  const words = run.summary.run?.words;
  if (!words) return;
  const plain = /^[A-Za-z0-9_./:=,@%+-]+$/;
  const shown = ["collado", ...words.slice(1)].map(w => plain.test(w) ? w : "'" + w.replaceAll("'", "'\\''") + "'").join(" ");
  parent.append(element("pre", { tabindex: "0", "aria-label": "command line" }, shown));
}
function facts(parent, run) {
  const about = run.summary.run ?? {};
  const rows = [
    ["Network", about.arch], ["Data", about.data?.spec], ["Loss", about.loss],
    ["Regulariser", about.kappa ? `${about.kappa} · ${about.regularizer}` : null], ["Statistics", about.statistics],
    ["Type, device", about.dtype && `${about.dtype.toLowerCase()}, ${about.device}`], ["Seed", about.seed],
    ["Files", (about.files ?? []).map(f => `${f.file} (sha256 ${f.hash.slice(0, 12)}…)`).join(", ")],
    ["Made", about.time && `${about.time}, collado ${about.version}`], ["Ended", about.status],
  ].filter(([, value]) => value !== undefined && value !== null && value !== "");
  if (rows.length) parent.append(element("div", { class: "scroll" }, element("table", {}, ...rows.map(([name, value]) =>
    element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, String(value)))))));
}
function notes(parent, run) {
  for (const note of run.summary.notes ?? []) parent.append(element("p", { class: "note" }, note));
}
function figures(parent, list) {
  parent.append(element("div", { class: "figures" }, ...list.filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value, key]) => element("div", key ? { "data-key": key } : {}, name, element("b", {}, typeof value === "object" ? value : exact(value))))));
}
function rowsTable(parent, heads, rows, label) {
  parent.append(element("div", { class: "scroll" }, element("table", { "aria-label": label },
    element("tr", {}, ...heads.map(h => element("th", { scope: "col" }, h))),
    ...rows.map(row => element("tr", {}, ...row.map(cell => element("td", {}, typeof cell === "number" ? exact(cell) : cell ?? "–")))))));
}

const BARRIERS = {
  max: ["Highest risk", "max over t of F(γ(t)): the risk at the highest sampled point, not a difference."],
  above_ends: ["Above the higher end", "max over t of F(γ(t)) − max(F(A), F(B)): what decides whether both ends lie in one component of a level set. This is the default."],
  above_mean: ["Above the mean of the ends", "max over t of F(γ(t)) − ½(F(A) + F(B)) (Ainsworth et al. 2023)."],
  above_chord: ["Above the chord", "max over t of F(γ(t)) − (1−t)F(A) − tF(B) (Frankle et al. 2020, Entezari et al. 2022)."],
  midpoint: ["At the midpoint", "F(γ(½)) − ½(F(A) + F(B)) (Jordan et al. 2023)."],
  mean: ["Mean risk", "∫ F(γ(t)) dt over the path, by the trapezoidal rule (Garipov et al. 2018): not a difference."],
};
function barriers(parent, barrier, title) {
  parent.append(element("h3", {}, title), element("p", { class: "soft" }, "All are of the training risk at the sampled points. Open one for its definition."));
  for (const [key, [name, text]] of Object.entries(BARRIERS).filter(([key]) => barrier[key] !== undefined)) parent.append(element("details", {},
    element("summary", {}, element("span", {}, name), element("b", { "data-key": key, title: String(barrier[key]) }, number(barrier[key]))),
    element("p", {}, text)));
}

// The certified enclosure: a band over all of [0, 1], and a step for each piece where the run kept them.
function band(certified, pieces, share) {
  if (!certified || !finite(certified.hi)) return { traces: [], shapes: [] };
  const shapes = [{ type: "rect", xref: "paper", x0: 0, x1: 1, y0: certified.lo, y1: certified.hi, line: { width: 0 }, fillcolor: "#009e73", opacity: .25 }];
  if (!pieces) return { traces: [], shapes };
  const x = [], y = [];
  pieces.t_from.forEach((from, i) => { x.push(share(from), share(pieces.t_to[i]), null); y.push(pieces.risk_hi[i], pieces.risk_hi[i], null); });
  return { traces: [{ x, y, name: `bound on each of ${pieces.t_from.length} pieces`, mode: "lines", line: { color: "#009e73", width: 1.5 }, connectgaps: false, hoverinfo: "skip" }], shapes };
}
function profile(parent, run) {
  const columns = table(run, "profile");
  if (!columns) return;
  const drawn = [["train_risk", "risk, training"], ["test_loss", "loss, test"], ["train_loss", "loss, training"], ["train_error", "error, training"], ["test_error", "error, test"]]
    .filter(([key]) => columns[key]?.some(finite));
  const { traces: steps, shapes } = band(run.summary.certified, table(run, "pieces"), t => t);
  // With a regulariser the loss is another quantity than the risk, and would hide the band by its scale.
  const shownLines = run.summary.run?.kappa ? 1 : 2;
  const traces = drawn.map(([key, name], i) => line(columns.t, columns[key], name, i, i >= shownLines ? { visible: "legendonly" } : {})).concat(steps);
  const top = columns.train_risk.reduce((best, y, i) => y > columns.train_risk[best] ? i : best, 0);
  const last = columns.t.length - 1;
  const end = run.summary.end === "b-up-to-symmetry" ? "B′" : "B";
  const label = `Risk along the path: ${number(columns.train_risk[0])} at A, ${number(columns.train_risk[last])} at ${end}, highest ${number(columns.train_risk[top])} at t = ${number(columns.t[top])}, at ${columns.t.length} sampled points.`;
  let type = "linear";
  const layout = () => ({ xaxis: { title: { text: `t, from A to ${end}` } }, yaxis: { title: { text: "risk F, loss, error" }, type }, shapes });
  parent.append(element("h3", {}, "Along the path"));
  const controls = element("div", { class: "controls" });
  parent.append(controls);
  const place = plot(parent, label, traces, layout);
  scale(controls, chosen => { type = chosen; relaid(place, layout); }, columns.train_risk.every(y => y > 0));
  const shown = element("output", {});
  const show = i => shown.replaceChildren(`t = ${number(columns.t[i])}: ` + drawn.map(([key, name]) => `${name} ${number(columns[key][i])}`).join(", "));
  const slider = element("input", { type: "range", min: 0, max: last, value: top, "aria-label": "point of the path", oninput: event => show(Number(event.target.value)) });
  parent.append(element("div", { class: "controls" }, slider, shown));
  show(top);
  parent.append(element("p", { class: "soft" }, run.summary.certified && finite(run.summary.certified.hi)
    ? "Lines are sampled. The green band encloses the highest training risk for every t, rounding included."
    : "Lines are sampled: between two points the risk may be higher. Nothing is certified here."));
}
function attempts(parent, run) {
  const list = run.summary.attempts ?? [], columns = table(run, "attempts");
  if (!list.length) return;
  parent.append(element("h3", {}, "What was tried"));
  rowsTable(parent, ["Method", "Ends at", "Above the ends", "Seconds"],
    list.map(a => [a.method, a.end === "b-up-to-symmetry" ? "B′" : "B", a.above_ends, a.seconds]), "attempts");
  if (!columns) return;
  const names = [...new Set(columns.attempt)];
  const traces = names.map((name, i) => {
    const rows = columns.attempt.flatMap((n, j) => n === name ? [j] : []);
    return line(rows.map(j => columns.t[j]), rows.map(j => columns.train_risk[j]), name, i);
  });
  plot(parent, `Training risk along ${names.length} attempts: ${names.join("; ")}.`, traces, () => ({ xaxis: { title: { text: "t" } }, yaxis: { title: { text: "risk F, training" } } }));
}
function connect(parent, run) {
  const s = run.summary;
  if (!s.barrier) return;
  const sure = s.certified && finite(s.certified.hi);
  figures(parent, [
    ["Barrier above the ends, sampled", s.barrier.above_ends], ["Certified highest risk", sure ? element("span", { "data-key": "certified", title: `[${s.certified.lo}, ${s.certified.hi}]` }, `[${number(s.certified.lo)}, ${number(s.certified.hi)}]`) : "none"],
    ["Risk of A", s.ends?.a], [s.end === "b-up-to-symmetry" ? "Risk of B′" : "Risk of B", s.ends?.b], ["Method", s.method && element("span", {}, s.method)],
  ]);
  if (s.end === "b-up-to-symmetry") parent.append(element("p", { class: "note" }, "The path ends at B′, a permuted and rescaled copy of B that computes the same function, not at B itself."));
  profile(parent, run);
  if (s.barriers) for (const [rule, barrier] of Object.entries(s.barriers)) barriers(parent, barrier, `Six barriers, statistics: ${rule}`);
  else barriers(parent, s.barrier, "Six barriers");
  attempts(parent, run);
}
function certify(parent, run) {
  const s = run.summary, pieces = table(run, "pieces"), gap = table(run, "gap");
  figures(parent, [["At least", s.lo], ["At most", s.hi], ["Pieces", s.subintervals], ["Seconds", s.seconds]]);
  if (pieces) {
    const { traces, shapes } = band(s, pieces, t => t);
    plot(parent, `Upper bounds on ${pieces.t_from.length} pieces of the path; the highest risk lies in [${s.lo}, ${s.hi}].`, traces, () => ({ xaxis: { title: { text: "t" } }, yaxis: { title: { text: "bound on the risk" } }, shapes }));
  }
  if (gap) plot(parent, "Enclosure against the number of pieces.", [line(gap.pieces, gap.risk_hi, "upper", 0), line(gap.pieces, gap.risk_lo, "lower", 1)], () => ({ xaxis: { title: { text: "pieces" }, type: "log" }, yaxis: { title: { text: "risk" } } }));
}

function surface(parent, run) {
  const grid = table(run, "grid"), path = table(run, "path");
  if (!grid?.x || !grid.y) return;
  const xs = [...new Set(grid.x)].sort((a, b) => a - b), ys = [...new Set(grid.y)].sort((a, b) => a - b);
  const at = new Map(grid.x.map((x, i) => [`${x},${grid.y[i]}`, grid.risk[i]]));
  const z = ys.map(y => xs.map(x => at.get(`${x},${y}`) ?? null));
  const values = grid.risk.filter(finite), positive = values.every(v => v > 0);
  // The colours end at the 90th percentile, or the walls would take them all.
  const sorted = [...values].sort((a, b) => a - b), top = sorted[Math.floor(.9 * (sorted.length - 1))];
  let type = positive ? "log" : "linear", eye = { x: 1.3, y: -1.5, z: 1 };
  const high = v => type === "log" ? Math.log10(v) : v;
  const traces = () => {
    const marks = [0, .25, .5, .75, 1].map(share => high(sorted[0]) + share * (high(top) - high(sorted[0])));
    const ticks = { tickvals: marks, ticktext: marks.map(m => (type === "log" ? 10 ** m : m).toPrecision(3)) };
    const made = [{ type: "surface", x: xs, y: ys, z, surfacecolor: z.map(row => row.map(v => v === null ? null : high(Math.min(v, top)))), colorscale: "Viridis", opacity: .9,
      colorbar: { title: { text: "risk F" }, thickness: 14, len: .7, ...ticks }, hovertemplate: "x %{x:.3g}, y %{y:.3g}: F = %{z:.4g}<extra></extra>" }];
    if (path) {
      // A little above the surface, which would hide half of the line.
      const lift = (path.risk_on_plane ?? path.risk).map(v => finite(v) ? v + .004 * (positive ? v : top - sorted[0]) : v);
      made.push({ type: "scatter3d", mode: "lines", x: path.x, y: path.y, z: lift, name: "path", line: { color: "#d55e00", width: 8 }, hovertemplate: "path: F = %{z:.4g}<extra></extra>" });
      const last = path.x.length - 1;
      made.push({ type: "scatter3d", mode: "markers+text", x: [path.x[0], path.x[last]], y: [path.y[0], path.y[last]], z: [lift[0], lift[last]], text: ["A", "B"], textposition: "top center", textfont: { color: look().ink, size: 16 }, marker: { color: look().ink, size: 5 }, hoverinfo: "skip" });
    }
    return made;
  };
  const layout = () => ({ showlegend: false, margin: { l: 0, r: 0, t: 0, b: 0 }, scene: { camera: { eye }, aspectratio: { x: 1.2, y: 1.2, z: .7 }, xaxis: { title: { text: "x" } }, yaxis: { title: { text: "y" } }, zaxis: { title: { text: "risk F" }, type } } });
  parent.append(element("h3", {}, "The surface of the risk"));
  const controls = element("div", { class: "controls" });
  parent.append(controls);
  const label = `Surface of the risk over a plane, from ${number(sorted[0])} to ${number(sorted[sorted.length - 1])}` + (path ? ", with the path from A to B on it." : ".");
  const place = plot(parent, label, traces(), layout, true);
  const redraw = () => Plotly.react(place, traces(), dressed(layout()));
  const views = [["From the side", { x: 1.3, y: -1.5, z: 1 }], ["From above", { x: 0, y: -.01, z: 2.2 }]];
  controls.append(...views.map(([text, view]) => element("button", { type: "button", onclick: () => { eye = view; redraw(); } }, text)));
  scale(controls, chosen => { type = chosen; redraw(); }, positive);
  if (positive) controls.querySelectorAll("button[aria-pressed]").forEach(b => b.setAttribute("aria-pressed", String((b.textContent === "Linear") === (type === "linear"))));
  const off = run.summary.path?.off_plane;
  parent.append(element("p", { class: "soft" }, "Drag to turn, scroll to zoom. Risks above the 90th percentile have the colour of that." + (finite(off) && off > 0 ? ` The path leaves this plane by up to ${number(off)}; it is drawn by its shadow on the plane.` : "")));
}
function section(parent, run) {
  const grid = table(run, "grid");
  if (grid?.y) surface(parent, run);
  else if (grid) {
    const x = grid.x ?? grid.t, drawn = ["risk", "train_risk", "loss", "test_loss"].filter(k => grid[k]?.some(finite));
    if (x) plot(parent, "Risk along a line.", drawn.map((k, i) => line(x, grid[k], k.replace("_", " "), i)), () => ({ xaxis: { title: { text: "position" } }, yaxis: { title: { text: "risk, loss" } } }));
  }
}
function spectrum(parent, run) {
  const s = run.summary, values = table(run, "spectrum"), density = table(run, "density");
  figures(parent, [["Largest eigenvalue", s.top?.[0]?.value], ["Smallest eigenvalue", s.bottom?.[0]?.value], [`Negative eigenvalues (${s.index_status})`, s.index], ["Trace", s.trace?.value], ["Gradient norm", s.gradient_norm]]);
  const named = [["Largest", s.top], ["Smallest", s.bottom]].flatMap(([end, list]) => (list ?? []).map(e => [end, e.rank, e.value, e.residual, e.rank_status]));
  if (named.length) rowsTable(parent, ["End", "Rank", "Eigenvalue", "Residual", "Rank is"], named, "eigenvalues");
  if (values?.eigenvalue) plot(parent, `All ${values.eigenvalue.length} eigenvalues in decreasing order.`, [line(values.rank, values.eigenvalue, "eigenvalue", 0)], () => ({ xaxis: { title: { text: "rank" } }, yaxis: { title: { text: "eigenvalue" } } }));
  else if (density || values) {
    const columns = density ?? values, [x, y] = Object.keys(columns);
    plot(parent, "Density of the eigenvalues.", [line(columns[x], columns[y], y, 0)], () => ({ xaxis: { title: { text: x } }, yaxis: { title: { text: y }, type: "log" } }));
  }
}
function levelset(parent, run) {
  const { nodes, minima, roots } = run.summary;
  if (!nodes) return;
  // Leaves in the order of the drawing: every subtree is an interval.
  const position = new Array(nodes.length), order = [];
  const visit = i => {
    const children = nodes[i].children;
    if (!children) { position[i] = order.length; order.push(i); return; }
    children.forEach(visit);
    position[i] = children.reduce((sum, c) => sum + position[c], 0) / children.length;
  };
  roots.forEach(visit);
  const x = [], y = [];
  nodes.forEach((node, i) => (node.children ?? []).forEach(c => { x.push(position[c], position[c], position[i], null); y.push(nodes[c].height, node.height, node.height, null); }));
  const heights = nodes.map(n => n.height), low = Math.min(...heights), high = Math.max(...heights);
  let level = high;
  const leaves = order.map(i => ({ x: position[i], y: nodes[i].height, name: minima[i]?.name ?? String(i) }));
  const layout = () => ({ hovermode: "closest", showlegend: false, shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: level, y1: level, line: { color: "#d55e00", dash: "dash" } }],
    xaxis: { showticklabels: leaves.length <= 40, tickvals: leaves.map(l => l.x), ticktext: leaves.map(l => l.name), showgrid: false }, yaxis: { title: { text: "risk λ" } } });
  parent.append(element("h3", {}, "Merge tree"));
  const place = plot(parent, `Merge tree of ${leaves.length} minima, joined between ${number(low)} and ${number(high)}.`,
    [{ x, y, mode: "lines", line: { color: COLORS[0], width: 2 }, hoverinfo: "skip" }, { x: leaves.map(l => l.x), y: leaves.map(l => l.y), text: leaves.map(l => l.name), mode: "markers", marker: { color: COLORS[0], size: 8 }, hovertemplate: "%{text}: %{y:.6g}<extra></extra>" }], layout);
  const found = element("div", { "aria-live": "polite" });
  const below = i => nodes[i].children ? nodes[i].children.flatMap(below) : [i];
  const components = i => nodes[i].height <= level ? [below(i).filter(l => nodes[l].height <= level)] : (nodes[i].children ?? []).flatMap(components);
  const show = () => {
    const sets = roots.flatMap(components).filter(set => set.length);
    found.replaceChildren(element("p", {}, `λ = ${number(level)}: ${sets.reduce((n, s) => n + s.length, 0)} minima in ${sets.length} ${sets.length === 1 ? "component" : "components"} of {F ≤ λ}, as far as paths were found.`),
      ...sets.map(set => element("span", { class: "component" }, set.map(l => minima[l]?.name ?? l).join(", "))));
    relaid(place, layout);
  };
  const slider = element("input", { type: "range", min: 0, max: 1000, value: 1000, "aria-label": "level λ", oninput: event => { level = low + (high - low) * event.target.value / 1000; show(); } });
  parent.append(element("div", { class: "controls" }, element("label", {}, "λ"), slider), found);
  show();
}
function history(parent, run) {
  const columns = table(run, "history");
  const runs = run.summary.runs ?? [];
  if (runs.length) rowsTable(parent, ["Checkpoint", "Risk", "Training error", "Test error", "Steps", "Stopped by"], runs.map(r => [r.checkpoint, r.risk, r.train_error, r.test_error, r.steps, r.stop]), "runs");
  if (!columns) return;
  const seeds = [...new Set(columns.seed)];
  const traces = seeds.flatMap((seed, i) => {
    const rows = columns.seed.flatMap((s, j) => s === seed ? [j] : []), of = key => rows.map(j => columns[key][j]);
    return [line(of("epoch"), of("train_risk"), `seed ${seed}, training`, i), line(of("epoch"), of("test_loss"), `seed ${seed}, test`, i, { visible: "legendonly" })];
  });
  plot(parent, `Risk against epochs for ${seeds.length} seeds.`, traces, () => ({ xaxis: { title: { text: "epoch" } }, yaxis: { title: { text: "risk" }, type: "log" } }));
}
function study(parent, run) {
  const s = run.summary;
  figures(parent, [["Verdict", s.verdict && element("span", {}, s.verdict)]]);
  for (const [name, text] of [["Claim", s.claim], ["Rule", s.rule]]) if (text) parent.append(element("p", {}, element("b", {}, name + ": "), text));
}
function pictures(parent, run) {
  for (const { name, svg } of run.pictures) {
    const figure = element("figure", { "aria-label": name }), parsed = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
    figure.append(document.adoptNode(parsed), element("figcaption", {}, name));
    parent.append(figure);
  }
}
const PARTS = { connect, certify, levelset, spectrum, train: history, "landscape plane": section, "landscape line": section, "landscape zoom": section, "landscape trajectory": section, study };

// ---- the page ----

function several(parent) {
  const value = run => ({
    name: run.name, command: run.command, network: run.summary.run?.arch, data: run.summary.run?.data?.spec,
    above: run.summary.barrier?.above_ends, hi: run.summary.certified?.hi ?? (run.command === "certify" ? run.summary.hi : undefined), seconds: run.summary.seconds ?? run.summary.train_seconds,
  });
  const heads = { name: "Run", command: "Command", network: "Network", data: "Data", above: "Barrier above the ends", hi: "Certified highest risk", seconds: "Seconds" };
  const rows = DATA.runs.map((run, i) => ({ i, ...value(run) }));
  const body = element("tbody");
  const fill = () => body.replaceChildren(...rows.map(row => element("tr", {}, ...Object.keys(heads).map(key => element("td", {},
    key === "name" ? element("a", { href: `#run-${row.i}` }, row.name) : typeof row[key] === "number" ? exact(row[key]) : row[key] ?? "–")))));
  const cells = Object.entries(heads).map(([key, text]) => {
    const cell = element("th", { scope: "col" }, element("button", { type: "button", onclick: () => {
      const up = cell.getAttribute("aria-sort") !== "ascending", sign = up ? 1 : -1;
      cells.forEach(c => c.removeAttribute("aria-sort"));
      cell.setAttribute("aria-sort", up ? "ascending" : "descending");
      rows.sort((a, b) => a[key] === undefined || b[key] === undefined ? (a[key] === undefined) - (b[key] === undefined) : sign * (a[key] > b[key] ? 1 : a[key] < b[key] ? -1 : 0));
      fill();
    } }, text));
    return cell;
  });
  fill();
  parent.append(element("h2", {}, `${rows.length} runs`), element("div", { class: "scroll" }, element("table", { "aria-label": "runs" }, element("thead", {}, element("tr", {}, ...cells)), body)));
  const paths = DATA.runs.filter(run => run.command === "connect" && table(run, "profile"));
  if (paths.length > 1) plot(parent, `Training risk along ${paths.length} paths.`, paths.map((run, i) => line(table(run, "profile").t, table(run, "profile").train_risk, run.name, i)), () => ({ xaxis: { title: { text: "t" } }, yaxis: { title: { text: "risk F, training" } } }));
}
function theme() {
  const root = document.documentElement;
  let stored = null;
  try { stored = localStorage.getItem("theme"); } catch { /* A page in a sandbox has no storage. */ }
  const set = chosen => { root.dataset.theme = chosen; plots.forEach(({ place, layout }) => relaid(place, layout)); };
  set(stored ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  document.getElementById("theme").addEventListener("click", () => {
    const chosen = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", chosen); } catch { /* As above. */ }
    set(chosen);
  });
}
function run(parent, run, i) {
  const part = element("section", { id: `run-${i}`, "data-command": run.command }, DATA.runs.length > 1 ? element("h2", {}, `${run.name}: ${run.command}`) : null);
  parent.append(part);
  command(part, run);
  notes(part, run);
  PARTS[run.command.startsWith("study") ? "study" : run.command]?.(part, run);
  pictures(part, run);
  part.append(element("h3", {}, "What it was made from"));
  facts(part, run);
  part.append(element("details", {}, element("summary", {}, element("span", {}, "All numbers of this run")), element("pre", { tabindex: "0" }, JSON.stringify(run.summary, null, 1))));
}
theme();
const main = document.querySelector("main");
if (DATA.runs.length > 1) several(main);
DATA.runs.forEach((r, i) => run(main, r, i));
document.documentElement.dataset.ready = "true";
