// The release calendar as known at an instant: the twin of calendar_as_known of macros.sql. It follows common.js, packed.js and svg.js.

const COLUMNS = "iiiiiiiisiiiiis"; // as calendar.py writes them
const CLOSED = ["bls", "bea_census", "treasury_tic", "cftc"]; // columns of a lapse, from the sixth on
const UNUSUAL = new Set(["pending", "cancelled", "merged", "permanent_gap", "partial", "rescheduled"]);
const MOST = 400; // rows that are shown at once

let STATES = null;

async function openStates() {
  const [release, component, period, status, merged, lapse, reason, key, end, original, scheduled, actual, delay, planned, known] = await unpacked(data.packed, data.n, COLUMNS);
  STATES = { release, component, period, status, merged, lapse, reason, key, end, original, scheduled, actual, delay, planned, known };
}

function lapsesAsKnown(asOf) { // when each had closed which agencies, and to which day it reaches
  const found = new Map();
  for (const [id, known, start, end, days, ...closed] of data.lapses) {
    if (known > asOf) continue;
    const lapse = found.get(id) || { id, first: Infinity, end: null, days: null, closed: new Set() };
    lapse.first = Math.min(lapse.first, start);
    if (end !== null) lapse.end = Math.max(lapse.end === null ? -Infinity : lapse.end, end);
    if (days !== null) lapse.days = Math.max(lapse.days === null ? -Infinity : lapse.days, days);
    closed.forEach((isClosed, place) => { if (isClosed) lapse.closed.add(CLOSED[place]); });
    found.set(id, lapse);
  }
  return [...found.values()].map((lapse) => ({ ...lapse, last: lapse.end === null || lapse.days === null ? Infinity : lapse.end + lapse.days }));
}

function calendarAsKnown(asOf) {
  const newest = new Int32Array(data.nKeys).fill(-1);
  for (let i = 0; i < data.n && STATES.known[i] <= asOf; i++) newest[STATES.key[i]] = i;
  const lapses = lapsesAsKnown(asOf);
  const text = (name, column, i) => (STATES[column][i] === NONE ? null : data.texts[name][STATES[column][i]]);
  const at = (column, i) => (STATES[column][i] === NONE ? null : STATES.end[i] * DAY + STATES[column][i]);
  const rows = [];
  for (const i of newest) {
    if (i < 0) continue;
    const row = {
      release: text("release_id", "release", i), component: text("component", "component", i), period: text("reference_period", "period", i),
      end: STATES.end[i], status: text("status", "status", i), original: at("original", i), scheduled: at("scheduled", i), actual: at("actual", i),
      delay: STATES.delay[i] === NONE ? null : STATES.delay[i], merged: text("merged_into", "merged", i), lapse: text("lapse_id", "lapse", i),
      reason: text("reason", "reason", i), known: STATES.known[i],
    };
    if ((row.status === "scheduled" || row.status === "rescheduled") && row.scheduled !== null && row.scheduled <= asOf) {
      row.status = "pending";
      const day = STATES.planned[i] === NONE ? null : STATES.end[i] + STATES.planned[i];
      const closes = (data.releases[row.release] || {}).closesWith;
      const behind = day === null ? [] : lapses.filter((lapse) => lapse.closed.has(closes) && day >= lapse.first && day <= lapse.last).map((lapse) => lapse.id);
      if (behind.length) row.lapse = behind.sort()[behind.length - 1];
    }
    row.day = Math.floor((row.actual ?? row.scheduled ?? row.original ?? row.end * DAY) / DAY);
    rows.push(row);
  }
  return rows;
}

// --- the page -------------------------------------------------------------------------------------------------------------

function chosenRows(rows) {
  const today = Math.floor(view.asOf / DAY);
  const [release, kind, days] = [$("release").value, $("kind").value, Number($("days").value)];
  return rows.filter((row) => {
    if (release === "headline" ? !(data.releases[row.release] || {}).isHeadline : release !== "all" && row.release !== release) return false;
    if (days && kind !== "coming" && row.day < today - days) return false;
    if (kind === "unusual") return UNUSUAL.has(row.status) || (row.delay || 0) > 0;
    return kind !== "coming" || row.status === "pending" || (row.actual === null && row.scheduled !== null && row.scheduled > view.asOf);
  }).sort((a, b) => (kind === "coming" ? a.day - b.day : b.day - a.day) || a.release.localeCompare(b.release));
}

function titleOf(release) {
  return (data.releases[release] || {}).title || release;
}

function drawRow(row) {
  const why = [row.merged ? `into ${row.merged}` : "", row.reason || "", row.lapse ? `lapse ${row.lapse}` : ""].filter(Boolean).join("; ");
  return make("tr", { "data-key": `${row.release}|${row.component}|${row.period}` },
    make("th", { scope: "row" }, titleOf(row.release), row.component === "all" ? "" : make("span", { class: "unit" }, ` ${row.component}`)),
    make("td", { class: "day" }, nameText(row.period)), make("td", {}, make("span", { class: `chip ${row.status}` }, row.status.replace("_", " "))),
    make("td", {}, when(row.original)), make("td", {}, row.scheduled === row.original ? "" : when(row.scheduled)), make("td", {}, when(row.actual)),
    make("td", { class: "n" }, row.delay ? String(row.delay) : ""), make("td", {}, why), make("td", {}, when(row.known)));
}

function drawDelays(rows) {
  const isGone = (row) => ["cancelled", "merged", "permanent_gap"].includes(row.status);
  const late = rows.filter((row) => (row.delay || 0) > 0 && row.original !== null && !isGone(row));
  const gone = rows.filter((row) => isGone(row) && row.original !== null);
  const waits = rows.filter((row) => row.status === "pending" && row.original !== null);
  const shown = [...late, ...gone, ...waits];
  $("figure").hidden = !shown.length;
  if (!shown.length) return;
  const width = Math.max(300, Math.min(1100, $("figure").clientWidth || 900));
  const [left, right, top, plot] = [width < 500 ? 36 : 46, 10, 8, 170];
  const dayOf = (row) => row.original / DAY;
  const lateness = (row) => (row.status === "pending" ? Math.floor((view.asOf - row.original) / DAY) : row.delay || 0);
  const days = shown.map(dayOf);
  const [first, last] = [days.reduce((a, b) => Math.min(a, b)), days.reduce((a, b) => Math.max(a, b))];
  const { ticks } = niceTicks(0, Math.max(1, shown.map(lateness).reduce((a, b) => Math.max(a, b), 0)), 5);
  const x = (day) => (first === last ? (left + width - right) / 2 : left + 8 + (width - left - right - 16) * (day - first) / (last - first));
  const y = (number) => top + plot * (1 - number / ticks[ticks.length - 1]);
  const parts = [];
  for (const tick of ticks) {
    parts.push(shape("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
    parts.push(shape("text", { x: left - 6, y: y(tick) + 3.5, "text-anchor": "end" }, numberText(tick, 0)));
  }
  for (const [day, says] of timeTicks(Math.floor(first), Math.ceil(last), width / 105)) {
    parts.push(shape("text", { x: x(day), y: top + plot + 17, "text-anchor": x(day) < left + 25 ? "start" : x(day) > width - 30 ? "end" : "middle" }, says));
  }
  const dots = (kind, some) => shape("g", { class: `dots ${kind}` }, ...some.map((row) => shape("circle", { cx: x(dayOf(row)).toFixed(1), cy: y(lateness(row)).toFixed(1), r: 3.6 },
    shape("title", {}, `${titleOf(row.release)} ${nameText(row.period)}: ${row.status.replace("_", " ")}${lateness(row) ? `, ${lateness(row)} days` : ""}`))));
  parts.push(dots("t1", late), dots("t2", waits), dots("t4", gone));
  $("drawing").replaceChildren(shape("svg", { viewBox: `0 0 ${width} ${top + plot + 24}`, width, height: top + plot + 24, role: "img",
    "aria-label": `Days late: ${late.length} releases came late, ${waits.length} are past due, ${gone.length} were cancelled or merged. The table below has each.` }, ...parts));
  const key = (kind, says) => make("li", {}, make("span", { class: `key dots ${kind}` }), says);
  $("keys").replaceChildren(key("t1", `came late (${late.length})`), key("t2", `past due, days so far (${waits.length})`), key("t4", `cancelled or merged (${gone.length})`));
}

function draw() {
  const rows = calendarAsKnown(view.asOf);
  const chosen = chosenRows(rows);
  const table = $("calendar");
  table.querySelectorAll("tbody").forEach((body) => body.remove());
  table.append(make("tbody", {}, ...(chosen.length ? chosen.slice(0, MOST).map(drawRow) : [make("tr", {}, make("td", { colspan: "9", class: "quiet" }, "no release"))])));
  $("more").textContent = chosen.length > MOST ? `and ${(chosen.length - MOST).toLocaleString("en-US")} more: choose one release` : "";
  const count = (status) => chosen.filter((row) => row.status === status).length;
  const counted = ["pending", "rescheduled", "partial", "merged", "cancelled", "permanent_gap", "scheduled"].map((status) => [status, count(status)]).filter(([, n]) => n);
  $("summary").replaceChildren(make("b", {}, "As of ", when(view.asOf)), ` ${view.zone}: ${chosen.length.toLocaleString("en-US")} releases`,
    counted.length ? `, of which ${counted.map(([status, n]) => `${n} ${status.replace("_", " ")}`).join(", ")}` : "", ".");
  drawDelays(chosen);
}

function show(asOf, { push = true } = {}) {
  setInstant(asOf);
  const words = [`as-of=${isoInstant(asOf)}`, ...(view.zone === "UTC" ? [] : [`zone=${view.zone}`]), ...["release", "kind", "days"].map((id) => `${id}=${$(id).value}`)];
  $("link").href = `#${words.join("&")}`;
  if (push) history.replaceState(null, "", $("link").href);
  draw();
}

function readHash() {
  const given = hashGiven();
  for (const id of ["release", "kind", "days"]) if ([...$(id).options].some((option) => option.value === given.get(id))) $(id).value = given.get(id);
  if (given.has("as-of")) showGiven(given.get("as-of"), (asOf) => show(asOf, { push: false }));
  else show(view.asOf || readInstant(data.asOf), { push: false });
}

async function prepare() {
  const known = new Set(data.texts.release_id);
  for (const [id, release] of Object.entries(data.releases)) if (known.has(id)) $("release").append(make("option", { value: id }, release.title));
  prepareInstant(show);
  for (const id of ["release", "kind", "days"]) $(id).addEventListener("change", () => show(view.asOf));
  window.addEventListener("hashchange", readHash);
  let width = window.innerWidth;
  window.addEventListener("resize", () => { if (window.innerWidth !== width) { width = window.innerWidth; draw(); } });
  await openStates();
  readHash();
}

const READY = prepare();
