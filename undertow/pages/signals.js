// The page of all signals. The first part works out what signals_as_known of macros.sql gives; the second draws it. It follows
// common.js, packed.js and svg.js.

const COLUMNS = "sifiisiiii"; // as signals.py writes them
const GAPS = { D: 10, B: 10, W: 15, M: 45, Q: 135 }; // days between two periods across which no line is drawn
const DOMAINS = [...new Set(data.signals.map((one) => one.id.split(".")[0]))];
const SIGNALS = new Map(data.signals.map((one) => [one.id, one]));

Object.assign(view, { signal: null, measure: "value", years: 0, page: 0, drawn: null });

// --- what was known -------------------------------------------------------------------------------------------------------

async function opened(signal) {
  if (signal.start || !signal.rows) return signal;
  const n = signal.rows.n;
  const [start, length, value, z, rank, known, state, confidence, nInputs, nMissing] = await unpacked(signal.rows.packed, n, COLUMNS);
  const starts = Float64Array.from(new Set(start)).sort();
  const places = new Map([...starts].map((day, place) => [day, place]));
  const scaled = (column, by) => Float64Array.from(column, (one) => (one === NONE ? NaN : one / by));
  return Object.assign(signal, {
    n, start, length, value, z: scaled(z, 1000), rank: scaled(rank, 10000), known, state, confidence: scaled(confidence, 10000),
    nInputs, nMissing, nPeriods: starts.length, period: Int32Array.from(start, (day) => places.get(day)),
  });
}

// Of each period the newest state that was known and the first one with a value: numbers of rows, or -1.
function statesAsKnown(signal, asOf) {
  const newest = new Int32Array(signal.nPeriods).fill(-1);
  const first = new Int32Array(signal.nPeriods).fill(-1);
  const told = new Int32Array(signal.nPeriods);
  for (let i = 0; i < signal.n && signal.known[i] <= asOf; i++) {
    const place = signal.period[i];
    newest[place] = i;
    told[place] += 1;
    if (first[place] < 0 && !Number.isNaN(signal.value[i])) first[place] = i;
  }
  return { newest, first, told };
}

function endOf(signal, i) {
  return signal.start[i] + signal.length[i];
}

function signalAsKnown(signal, asOf) {
  if (!signal.start) return null;
  const { newest } = statesAsKnown(signal, asOf);
  let place = signal.nPeriods - 1;
  while (place >= 0 && (newest[place] < 0 || Number.isNaN(signal.value[newest[place]]))) place--;
  if (place < 0) return null;
  let last = signal.nPeriods - 1;
  while (newest[last] < 0) last--;
  const i = newest[place];
  const state = data.states[signal.state[i]];
  const age = Math.floor(asOf / DAY) - endOf(signal, i);
  return {
    i, age, state, flags: [...(age > signal.staleAfter ? ["STALE"] : []), ...state.flags],
    newer: last > place ? { end: endOf(signal, newest[last]), status: data.states[signal.state[newest[last]]].status } : null,
  };
}

function instantsOf(signal) { // at which it was told something new
  return [...new Set(signal.known || [])];
}

// --- the chart ------------------------------------------------------------------------------------------------------------

// The periods that are drawn: their last days, and rows of what was known of them newest and first.
function drawnPeriods(signal) {
  const { newest, first, told } = statesAsKnown(signal, view.asOf);
  const periods = [];
  for (let place = 0; place < signal.nPeriods; place++) {
    if (newest[place] >= 0) periods.push({ day: endOf(signal, newest[place]), i: newest[place], first: first[place], told: told[place] });
  }
  if (!view.years || !periods.length) return periods;
  const from = periods[periods.length - 1].day - Math.round(view.years * 365.25);
  return periods.filter((period) => period.day > from);
}

function pathOf(points, x, y, gap) { // points are [day, number]; of a pixel its ends and extremes are enough
  let path = "";
  const dots = [];
  let run = [];
  const flush = () => {
    if (run.length === 1) dots.push(run[0]);
    for (let at = 0; at < run.length;) {
      const pixel = Math.round(x(run[at][0]));
      let end = at;
      let low = at;
      let high = at;
      while (end + 1 < run.length && Math.round(x(run[end + 1][0])) === pixel) {
        end++;
        if (run[end][1] < run[low][1]) low = end;
        if (run[end][1] > run[high][1]) high = end;
      }
      for (const place of [...new Set([at, low, high, end])].sort((a, b) => a - b)) {
        path += `${at === 0 && place === 0 ? "M" : "L"}${x(run[place][0]).toFixed(1)},${y(run[place][1]).toFixed(1)}`;
      }
      at = end + 1;
    }
    run = [];
  };
  for (const point of points) {
    if (Number.isNaN(point[1])) flush();
    else {
      if (run.length && point[0] - run[run.length - 1][0] > gap) flush();
      run.push(point);
    }
  }
  flush();
  return { path, dots };
}

function severity(flag) {
  if (flag === "SYNTHETIC" || flag === "SUSPECT") return "bad";
  return flag === "REVISED" || flag === "PRELIMINARY" || flag === "KNOWN_LATE" ? "mild" : "warn";
}

const MANY = 60; // periods with a flag beyond which it is shown in its lane alone, as one is that half of the periods carry

function lanesOf(signal, periods) { // for each flag the spans of periods that carry it, and how many
  const lanes = new Map();
  const gap = GAPS[signal.frequency] || 10;
  periods.forEach((period, place) => {
    for (const flag of data.states[signal.state[period.i]].flags) {
      if (!lanes.has(flag)) lanes.set(flag, { spans: [], n: 0 });
      const lane = lanes.get(flag);
      const last = lane.spans[lane.spans.length - 1];
      lane.n += 1;
      if (last && last[1] === place - 1 && period.day - periods[place - 1].day <= gap) last[1] = place;
      else lane.spans.push([place, place]);
    }
  });
  const order = Object.keys(data.flags);
  return [...lanes].sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
}

function drawChart(signal, known) {
  const column = signal[view.measure];
  const begin = known.findIndex((period) => !Number.isNaN(signal.value[period.i])); // periods before the first value are in the table alone
  const periods = begin < 0 ? known : known.slice(begin);
  const now = periods.map((period) => [period.day, column[period.i]]);
  const then = periods.map((period) => [period.day, period.first < 0 ? NaN : column[period.first]]);
  const values = [...now, ...then].map(([, number]) => number).filter((number) => !Number.isNaN(number));
  const unit = { value: signal.unit, z: "standard deviations", rank: "share of its past below" }[view.measure];
  $("figure").classList.toggle("synthetic", periods.some((period) => data.states[signal.state[period.i]].flags.includes("SYNTHETIC")));
  $("cursor").hidden = !values.length;
  if (!values.length) {
    const why = !periods.length ? "Nothing was known of this signal at that instant."
      : view.measure === "value" ? "None of the periods that were known has a value."
        : `No ${view.measure} yet: it takes ${signal.minHistory} earlier values.`;
    $("drawing").replaceChildren(make("p", { class: "banner warn absent" }, why));
    $("keys").replaceChildren();
    view.drawn = null;
    return;
  }
  const width = Math.max(300, Math.min(1100, $("figure").clientWidth || 900));
  const lanes = lanesOf(signal, periods);
  const [left, right, top, plot] = [width < 500 ? 44 : 56, 10, 10, width < 500 ? 210 : 280];
  const laneTop = top + plot + 26;
  const height = laneTop + lanes.length * 20 + 2;
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const { ticks, decimals } = view.measure === "rank" ? { ticks: [0, 0.2, 0.4, 0.6, 0.8, 1], decimals: 1 } : niceTicks(low, high, 6);
  const [bottomValue, topValue] = [ticks[0], ticks[ticks.length - 1]];
  const [firstDay, lastDay] = [periods[0].day, periods[periods.length - 1].day];
  const x = (day) => (firstDay === lastDay ? (left + width - right) / 2 : left + 8 + (width - left - right - 16) * (day - firstDay) / (lastDay - firstDay));
  const y = (number) => top + plot * (topValue - number) / (topValue - bottomValue);
  const parts = [];
  for (const tick of ticks) {
    parts.push(shape("line", { class: Math.abs(tick) < 1e-12 && bottomValue < 0 ? "axis" : "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
    parts.push(shape("text", { x: left - 6, y: y(tick) + 3.5, "text-anchor": "end" }, numberText(tick, decimals)));
  }
  for (const [day, says] of timeTicks(firstDay, lastDay, width / 105)) {
    const at = x(day);
    parts.push(shape("line", { class: "grid", x1: at, x2: at, y1: top + plot, y2: top + plot + 4 }));
    parts.push(shape("text", { x: at, y: top + plot + 17, "text-anchor": at < left + 25 ? "start" : at > width - 30 ? "end" : "middle" }, says));
  }
  const gap = GAPS[signal.frequency] || 10;
  const isRevised = periods.some((period) => period.first >= 0 && !Object.is(column[period.first], column[period.i]));
  const traces = [["t1 newest", now, 2.2], ...(isRevised ? [["t2 first", then, 2.2]] : [])];
  for (const [kind, points, size] of traces) {
    const { path, dots } = pathOf(points, x, y, gap);
    const shown = points.filter((point) => !Number.isNaN(point[1]));
    const all = shown.length <= 40 ? shown : dots;
    parts.push(shape("g", { class: `line ${kind}` }, shape("path", { d: path || "M0,0" }),
      ...all.map(([day, number]) => shape("circle", { cx: x(day).toFixed(1), cy: y(number).toFixed(1), r: size }))));
  }
  const rare = new Set(lanes.filter(([, lane]) => lane.n <= MANY && 2 * lane.n < periods.length).map(([flag]) => flag));
  let nMarks = 0;
  for (const period of periods) {
    const flags = data.states[signal.state[period.i]].flags.filter((flag) => rare.has(flag));
    const number = column[period.i];
    if (!flags.length || Number.isNaN(number)) continue;
    nMarks += 1;
    const worst = ["bad", "warn", "mild"].find((kind) => flags.some((flag) => severity(flag) === kind));
    parts.push(shape("circle", { class: `mark ${worst}`, "data-flags": flags.join(" "), cx: x(period.day).toFixed(1), cy: y(number).toFixed(1), r: 4.2 },
      shape("title", {}, `${isoDay(period.day)}: ${flags.join(", ")}`)));
  }
  lanes.forEach(([flag, lane], place) => {
    const at = laneTop + place * 20;
    parts.push(shape("text", { class: "lane", x: left, y: at + 8 }, `${flag} (${lane.n.toLocaleString("en-US")})`));
    const spans = lane.spans.map(([from, to]) => [x(periods[from].day) - 1, x(periods[to].day) + 1]);
    const merged = [];
    for (const [from, to] of spans) { // spans closer than a pixel are one
      if (merged.length && from - merged[merged.length - 1][1] < 1) merged[merged.length - 1][1] = to;
      else merged.push([from, to]);
    }
    parts.push(shape("path", { class: `lane ${severity(flag)}`, "data-flag": flag, d: merged.map(([from, to]) => `M${from.toFixed(1)},${at + 13}H${to.toFixed(1)}`).join("") },
      shape("title", {}, `${flag}: ${data.flags[flag]}`)));
  });
  parts.push(shape("line", { class: "cursor", id: "line", x1: 0, x2: 0, y1: top, y2: top + plot }));
  const last = [...now].reverse().find((point) => !Number.isNaN(point[1]));
  const said = `${signal.title}, ${unit}: ${values.length ? `${now.filter((p) => !Number.isNaN(p[1])).length} periods to ${isoDay(lastDay)}` : "no values"}`
    + `${last ? `, newest ${numberText(last[1], null)}` : ""}, between ${numberText(low, null)} and ${numberText(high, null)}. The numbers are in the table below.`;
  const drawing = shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": said }, ...parts);
  $("drawing").replaceChildren(make("p", { class: "quiet unit-line" }, unit), drawing);
  const key = (kind, says) => make("li", {}, make("span", { class: `key ${kind}` }), says);
  $("keys").replaceChildren(
    key("line t1", `as known at ${isoInstant(view.asOf).slice(0, 10)}`),
    isRevised ? key("line t2", "as first known") : make("li", { class: "quiet" }, "every period is as it was first known"),
    ...(nMarks ? [key("mark warn", "a flag on a period: point at it")] : []),
    ...(lanes.length ? [key("bars warn", "below the axis: how long each flag applies")] : []),
  );
  view.drawn = { periods, x, width };
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const at = (event.clientX - box.left) * width / box.width;
    let best = 0;
    periods.forEach((period, place) => { if (Math.abs(x(period.day) - at) < Math.abs(x(periods[best].day) - at)) best = place; });
    $("cursor").value = best;
    readOut();
  });
  $("cursor").max = periods.length - 1;
  $("cursor").value = periods.length - 1;
  readOut();
}

function textOf(number, decimals = null) {
  return Number.isNaN(number) ? "none" : numberText(number, decimals);
}

function readOut() {
  if (!view.drawn) return;
  const signal = SIGNALS.get(view.signal);
  const period = view.drawn.periods[Number($("cursor").value)];
  const i = period.i;
  const state = data.states[signal.state[i]];
  const at = view.drawn.x(period.day).toFixed(1);
  $("line").setAttribute("x1", at);
  $("line").setAttribute("x2", at);
  const name = periodText(signal.start[i], endOf(signal, i));
  const was = period.first >= 0 && !Object.is(signal.value[period.first], signal.value[i]) ? `, first known as ${textOf(signal.value[period.first])}` : "";
  const words = `${textOf(signal.value[i])} ${signal.unit}${was}; z ${textOf(signal.z[i], 2)}, rank ${textOf(signal.rank[i], 2)}`;
  $("readout").replaceChildren(make("b", {}, name), `: ${words}; known since `, when(signal.known[i]), " ", ...state.flags.flatMap((flag) => [flagMark(flag), " "]));
  $("cursor").setAttribute("aria-valuetext", `${name}: ${words}${state.flags.length ? `; ${state.flags.join(", ")}` : ""}`);
}

// --- the page -------------------------------------------------------------------------------------------------------------

const ROWS = 60;

function numberCell(number, decimals = null) {
  if (Number.isNaN(number)) return make("td", { class: "n quiet" }, "none");
  return make("td", { class: "n" }, make("data", { value: String(Number(number.toPrecision(9))) }, numberText(number, decimals)));
}

function drawStates(signal, periods) {
  const pages = Math.max(1, Math.ceil(periods.length / ROWS));
  view.page = Math.min(view.page, pages - 1);
  const shown = [...periods].reverse().slice(view.page * ROWS, (view.page + 1) * ROWS);
  $("place").textContent = `${periods.length.toLocaleString("en-US")} periods, page ${view.page + 1} of ${pages}`;
  $("newer").disabled = view.page === 0;
  $("older").disabled = view.page >= pages - 1;
  const heads = ["period", "#value", "#first known as", "#times told", "known since", "#z", "#rank", "#confidence", "#inputs, missing", "flags"];
  $("states").replaceChildren(
    make("caption", {}, `${signal.title}, ${signal.unit}`),
    make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col", class: head.startsWith("#") ? "n" : null }, head.replace("#", ""))))),
    make("tbody", {}, ...shown.map((period) => {
      const i = period.i;
      const flags = data.states[signal.state[i]].flags;
      return make("tr", { class: flags.includes("SYNTHETIC") ? "synthetic" : null, "data-end": isoDay(period.day) },
        make("th", { scope: "row", class: "day" }, periodText(signal.start[i], endOf(signal, i))),
        numberCell(signal.value[i]), numberCell(period.first < 0 ? NaN : signal.value[period.first]), make("td", { class: "n" }, String(period.told)),
        make("td", {}, when(signal.known[i])), numberCell(signal.z[i], 2), numberCell(signal.rank[i], 2), numberCell(signal.confidence[i], 2),
        make("td", { class: "n" }, `${signal.nInputs[i]}, ${signal.nMissing[i]}`), make("td", {}, ...flags.flatMap((flag) => [flagMark(flag), " "])));
    })),
  );
}

function drawFacts(signal) {
  const entry = (name, ...says) => [make("dt", {}, name), make("dd", {}, ...says)];
  const direction = { 1: "a high value is stress", "-1": "a low value is stress", 0: "it has no direction of stress" }[signal.stress];
  const frequency = { B: "each business day", D: "each day", W: "each week", M: "each month", Q: "each quarter" }[signal.frequency] || signal.frequency;
  const known = signalAsKnown(signal, view.asOf);
  $("facts").replaceChildren(
    ...entry("id", make("code", {}, signal.id)), ...entry("formula", signal.formula), ...entry("unit", `${signal.unit}; ${frequency}; ${direction}`),
    ...entry("z and rank", `against its own past alone, from ${signal.minHistory} earlier values on`),
    ...entry("stale", `after ${signal.staleAfter} days`),
    ...(signal.inputs ? entry("inputs", signal.inputs.series.length ? make("code", {}, signal.inputs.series.join(", ")) : signal.inputs.without,
      signal.inputs.steps.length ? " with what was in force of " : "", signal.inputs.steps.length ? make("code", {}, signal.inputs.steps.join(", ")) : "", ` (${signal.inputs.window})`) : []),
    ...(known ? entry("newest", `${signal.nInputs[known.i]} inputs, ${signal.nMissing[known.i]} missing, confidence ${textOf(signal.confidence[known.i], 2)}, ${known.state.origin} data, method ${known.state.method}, known since `, when(signal.known[known.i])) : []),
    ...entry("explained by", make("code", {}, `undertow explain ${signal.id} --as-of ${isoInstant(view.asOf)}`)),
  );
}

function drawDetail() {
  const signal = SIGNALS.get(view.signal);
  $("title").textContent = signal.title;
  document.title = `${signal.title} - signals`;
  if (!signal.start) {
    $("says").textContent = "This build has no numbers of it.";
    view.drawn = null;
    $("drawing").replaceChildren(make("p", { class: "banner warn absent" }, "This build has no numbers of this signal."));
    for (const id of ["keys", "readout", "states", "place"]) $(id).replaceChildren();
    $("cursor").hidden = $("numbers").hidden = true;
    drawFacts(signal);
    return;
  }
  const known = signalAsKnown(signal, view.asOf);
  $("says").replaceChildren(...(known ? [
    make("b", {}, `${textOf(signal.value[known.i])} ${signal.unit}`), ` in ${periodText(signal.start[known.i], endOf(signal, known.i))}, z ${textOf(signal.z[known.i], 2)}, rank ${textOf(signal.rank[known.i], 2)}, known since `, when(signal.known[known.i]), ". ",
    known.newer ? `A newer period, to ${isoDay(known.newer.end)}, has no value (${known.newer.status}). ` : "", ...known.flags.flatMap((flag) => [flagMark(flag), " "]),
  ] : ["Nothing was known of it at that instant."]));
  const periods = drawnPeriods(signal);
  $("numbers").hidden = !periods.length;
  drawChart(signal, periods);
  if (!view.drawn) $("readout").replaceChildren();
  drawStates(signal, periods);
  drawFacts(signal);
  const instants = instantsOf(signal);
  $("previous").disabled = !(instants[0] < view.asOf);
  $("next").disabled = !(instants[instants.length - 1] > view.asOf);
}

function drawAll() {
  const wanted = $("filter").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const table = $("all");
  table.querySelectorAll("tbody").forEach((body) => body.remove());
  const silent = [];
  let n = 0;
  for (const domain of DOMAINS) {
    const rows = [];
    for (const signal of data.signals) {
      if (!signal.id.startsWith(`${domain}.`)) continue;
      const known = signalAsKnown(signal, view.asOf);
      if (!known) {
        silent.push(signal.title);
        continue;
      }
      const i = known.i;
      if (!wanted.every((word) => `${signal.id} ${signal.title} ${known.flags.join(" ")}`.toLowerCase().includes(word))) continue;
      n += 1;
      rows.push(make("tr", { "data-id": signal.id, class: known.flags.includes("SYNTHETIC") ? "synthetic" : null },
        make("th", { scope: "row" }, make("a", { href: `#${signal.id}` }, signal.title), make("span", { class: "id" }, signal.id)),
        make("td", {}, make("time", { class: "period", datetime: isoDay(endOf(signal, i)), "data-start": isoDay(signal.start[i]) }, periodText(signal.start[i], endOf(signal, i))),
          known.newer ? make("span", { class: "quiet newer", "data-end": isoDay(known.newer.end), "data-status": known.newer.status }, ` ${isoDay(known.newer.end)} has no value`) : ""),
        make("td", { class: "n" }, make("data", { class: "value", value: String(Number(signal.value[i].toPrecision(9))) }, numberText(signal.value[i], null)), make("span", { class: "unit" }, ` ${signal.unit}`)),
        numberCell(signal.z[i], 2), numberCell(signal.rank[i], 2), make("td", {}, when(signal.known[i], { class: "known" })), numberCell(signal.confidence[i], 2),
        make("td", {}, ...known.flags.flatMap((flag) => [flagMark(flag), " "]))));
    }
    if (rows.length) table.append(make("tbody", {}, make("tr", { class: "section" }, make("th", { scope: "rowgroup", colspan: "8" }, domain)), ...rows));
  }
  $("count").textContent = `${n} signals`;
  $("unknown").textContent = silent.length ? `Nothing was known then of: ${silent.join("; ")}.` : "";
}

function fragment() {
  return `#${view.signal}&as-of=${isoInstant(view.asOf)}${view.zone === "UTC" ? "" : `&zone=${view.zone}`}`;
}

function show(asOf, { push = true } = {}) {
  setInstant(asOf);
  $("signal").value = view.signal;
  $("link").href = fragment();
  if (push && location.hash !== fragment()) history.replaceState(null, "", fragment());
  drawDetail();
  drawAll();
}

async function choose(id) {
  view.signal = id;
  view.page = 0;
  await opened(SIGNALS.get(id));
}

function step(direction) {
  const instants = instantsOf(SIGNALS.get(view.signal));
  const next = direction > 0 ? instants.find((at) => at > view.asOf) : instants.findLast((at) => at < view.asOf);
  if (next !== undefined) show(next);
}

async function readHash({ isMoved = false } = {}) {
  const given = hashGiven();
  const named = location.hash.slice(1).split("&")[0];
  if (named.startsWith("flag-")) return;
  if (SIGNALS.has(named)) await choose(named);
  else if (named && !named.includes("=")) complain(`there is no signal ${decodeURIComponent(named)} in this build`);
  if (given.has("as-of")) showGiven(given.get("as-of"), (asOf) => show(asOf, { push: false }));
  else show(view.asOf || readInstant(data.asOf), { push: false });
  if (named && !SIGNALS.has(named) && !named.includes("=")) complain(`there is no signal ${decodeURIComponent(named)} in this build`);
  if (isMoved && SIGNALS.has(named)) $("detail").scrollIntoView();
}

async function prepare() {
  for (const domain of DOMAINS) {
    $("signal").append(make("optgroup", { label: domain }, ...data.signals.filter((one) => one.id.startsWith(`${domain}.`))
      .map((one) => make("option", { value: one.id }, `${one.title}${one.rows ? "" : " (no numbers)"}`))));
  }
  for (const [years, says] of [[0, "all"], [10, "10 years"], [3, "3 years"], [1, "1 year"]]) {
    const button = make("button", { type: "button", "aria-pressed": String(years === view.years) }, says);
    button.addEventListener("click", () => {
      view.years = years;
      view.page = 0;
      for (const other of $("ranges").children) other.setAttribute("aria-pressed", String(other === button));
      drawDetail();
    });
    $("ranges").append(button);
  }
  prepareInstant(show);
  $("signal").addEventListener("change", () => choose($("signal").value).then(() => show(view.asOf)));
  $("measure").addEventListener("change", () => { view.measure = $("measure").value; drawDetail(); });
  $("cursor").addEventListener("input", readOut);
  $("filter").addEventListener("input", drawAll);
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("newer").addEventListener("click", () => { view.page -= 1; drawDetail(); });
  $("older").addEventListener("click", () => { view.page += 1; drawDetail(); });
  window.addEventListener("hashchange", () => readHash({ isMoved: true }));
  let width = window.innerWidth;
  window.addEventListener("resize", () => { if (window.innerWidth !== width) { width = window.innerWidth; drawDetail(); } });
  const first = (SIGNALS.get(data.first) || {}).rows ? data.first : (data.signals.find((one) => one.rows) || data.signals[0]).id;
  await choose(first);
  await readHash();
  await Promise.all(data.signals.map(opened));
  drawAll();
}

const READY = prepare();
