// The table of "what was known". The first part works out what as_known and calendar_as_known of macros.sql give, from all states
// with the instants at which they became known; the second shows it. It follows common.js.

// --- columns as they are written by known.py ------------------------------------------------------------------------------

function column(packed, length) {
  return Array.isArray(packed) ? packed : new Array(length).fill(packed ? packed.all : null);
}

function summed(steps) {
  let total = 0;
  return steps.map((step) => (total = Math.round((total + step) * 1e6) / 1e6)); // instants have microseconds at most
}

function unpackSeries(series) {
  const rows = series.rows;
  const n = rows.value.length;
  const end = summed(rows.end);
  const length = column(rows.length, n);
  const periods = new Map();
  const keys = end.map((day, i) => `${day}-${length[i]}`);
  const order = [...new Set(keys)].map((key) => [key, keys.indexOf(key)]);
  order.sort((a, b) => end[a[1]] - end[b[1]] || length[b[1]] - length[a[1]]);
  order.forEach(([key], place) => periods.set(key, place));
  return {
    ...series, n, end, length, value: rows.value, known: summed(rows.known),
    state: column(rows.state, n), payload: column(rows.payload, n),
    period: keys.map((key) => periods.get(key)), nPeriods: order.length,
  };
}

function unpackCalendar(packed) {
  const n = packed.status.length;
  const end = summed(packed.end);
  const names = packed.period.map((name, i) => (typeof name === "string" ? name : isoDay(end[i]).slice(0, name === 1 ? 7 : 10)));
  const component = column(packed.component, n);
  const reason = column(packed.reason, n);
  const merged = column(packed.merged, n);
  const known = summed(packed.known);
  const at = (offset, i) => (offset === null ? null : end[i] * DAY + offset);
  return packed.status.map((status, i) => ({
    component: data.texts[component[i]], period: names[i], end: end[i], status: data.texts[status],
    scheduled: at(packed.scheduled[i], i), actual: at(packed.actual[i], i),
    reason: reason[i] === null ? null : data.texts[reason[i]], merged: merged[i] === null ? null : data.texts[merged[i]],
    known: known[i],
  }));
}

function dayMonthsBefore(day, months) { // as SQL subtracts months: a day that the month lacks is its last one
  const date = new Date(day * DAY * 1000);
  const last = lastDayOfMonth(monthOf(day) - months);
  return Math.min(last, last - new Date(last * DAY * 1000).getUTCDate() + date.getUTCDate());
}

const SERIES = new Map(data.series.map((series) => [series.id, unpackSeries(series)]));
const CALENDAR = new Map(Object.entries(data.calendar).map(([release, packed]) => [release, unpackCalendar(packed)]));

// --- what was known -------------------------------------------------------------------------------------------------------

// The newest state of each period that was known: the number of its row, or -1.
function statesAsKnown(series, asOf) {
  const newest = new Int32Array(series.nPeriods).fill(-1);
  for (let i = 0; i < series.n && series.known[i] <= asOf; i++) newest[series.period[i]] = i;
  return newest;
}

function historyOf(series, period, asOf) {
  const rows = [];
  for (let i = 0; i < series.n && series.known[i] <= asOf; i++) if (series.period[i] === period) rows.push(i);
  return rows;
}

function calendarAsKnown(release, asOf) {
  const newest = new Map();
  for (const event of CALENDAR.get(release) || []) {
    if (event.known > asOf) break;
    newest.set(`${event.component}|${event.period}`, event);
  }
  return [...newest.values()].map((event) => {
    const isPending = (event.status === "scheduled" || event.status === "rescheduled")
      && event.scheduled !== null && event.scheduled <= asOf;
    return isPending ? { ...event, status: "pending" } : event;
  }).sort((a, b) => a.end - b.end);
}

// Later periods of the release in which the series would publish: those of the months in which it did, or should have, a year
// earlier. What was due more than two years ago is no longer waited for.
function candidates(series, end, asOf, calendar) {
  const today = Math.floor(asOf / DAY);
  const isDaily = series.frequency === "B" || series.frequency === "D";
  const isShort = isDaily || series.frequency === "W";
  const own = new Set(calendar.filter((e) => e.component === series.component && e.component !== "all").map((e) => e.period));
  const firsts = new Set(); // months with a period that was known, or known to be missing, and ends with the month
  if (!isShort) {
    const seen = new Set();
    for (let i = 0; i < series.n && series.known[i] <= asOf; i++) {
      if (seen.has(series.period[i])) continue;
      seen.add(series.period[i]);
      const month = monthOf(series.end[i]);
      if (series.length[i] > 7 && series.end[i] === lastDayOfMonth(month)) firsts.add(month);
    }
  }
  const newestMonth = monthOf(end);
  return calendar.filter((event) => {
    if (event.end <= end || event.end <= dayMonthsBefore(today, 24)) return false;
    if (!(event.component === series.component || (event.component === "all" && !own.has(event.period)))) return false;
    if (isDaily) return event.end <= today + 7;
    if (isShort) return true;
    const month = monthOf(event.end);
    if (month - newestMonth > 60) return false;
    const isYounger = series.firstPeriod !== null && monthOf(series.firstPeriod) - newestMonth > -12;
    return firsts.has(month - 12) || (isYounger && month - 12 < monthOf(series.firstPeriod));
  });
}

const CAME = new Set(["released", "partial"]);

function outlook(later, asOf) {
  const waiting = later.filter((event) => !CAME.has(event.status));
  const planned = waiting.filter((e) => (e.status === "scheduled" || e.status === "rescheduled") && e.scheduled > asOf);
  return {
    nWithout: later.length - waiting.length,
    later: waiting,
    isDelayed: later.some((event) => event.status === "pending" || event.status === "rescheduled"),
    nextAt: planned.length ? Math.min(...planned.map((event) => event.scheduled)) : null,
  };
}

const NOTHING_LATER = { nWithout: 0, later: [], isDelayed: false, nextAt: null };

function seriesAsKnown(series, asOf) {
  const newest = statesAsKnown(series, asOf);
  let place = series.nPeriods - 1;
  while (place >= 0 && (newest[place] < 0 || series.value[newest[place]] === null)) place--;
  if (place < 0) return null;
  const i = newest[place];
  const end = series.end[i];
  const history = historyOf(series, place, asOf);
  const firstPrint = series.value[history.find((row) => series.value[row] !== null)];
  const age = Math.floor(asOf / DAY) - end;
  const later = series.release
    ? outlook(candidates(series, end, asOf, calendarAsKnown(series.release, asOf)), asOf) : NOTHING_LATER;
  const [basis, status, flags, origin] = data.states[series.state[i]];
  const isWaited = later.nWithout === 0;
  return {
    series, start: end - series.length[i], end, value: series.value[i], known: series.known[i], basis, status, origin,
    flags: [...(series.staleAfter !== null && age > series.staleAfter ? ["STALE"] : []),
      ...(later.isDelayed && isWaited ? ["DELAYED"] : []), ...flags.split(" ").filter(Boolean)],
    firstPrint, history, age, newest, place, payload: data.payloads[series.payload[i]],
    nWithout: later.nWithout, later: isWaited ? later.later : [], nextAt: isWaited ? later.nextAt : null,
  };
}

// Of a release of which no values are kept: the newest period that had come, and what later ones were called.
function releaseAsKnown(release, asOf) {
  const calendar = calendarAsKnown(release, asOf).filter((event) => event.component === "all");
  if (!calendar.length) return null;
  const came = calendar.filter((event) => event.actual !== null);
  const newest = came.length ? came[came.length - 1] : null;
  const today = Math.floor(asOf / DAY);
  const later = outlook(calendar.filter((event) => (newest === null || event.end > newest.end)
    && event.end > dayMonthsBefore(today, 24) && !CAME.has(event.status)), asOf);
  return {
    release, end: newest && newest.end, period: newest && newest.period, known: newest && newest.actual, value: null,
    flags: later.isDelayed ? ["DELAYED"] : [], age: newest && today - newest.end, later: later.later, nextAt: later.nextAt,
    nWithout: 0, history: [],
  };
}

function tableAsKnown(asOf) {
  return data.table.map(([section, title, id, release]) => ({
    section, title, id, release,
    row: id ? seriesAsKnown(SERIES.get(id), asOf) : releaseAsKnown(release, asOf),
  }));
}

function lapseAsKnown(asOf) {
  const newest = new Map();
  for (const [lapse, status, first, last, known] of data.lapses) if (known <= asOf) newest.set(lapse, { lapse, status, first, last });
  const today = Math.floor(asOf / DAY);
  return [...newest.values()].find((lapse) => lapse.status === "open")
    || [...newest.values()].find((lapse) => lapse.last !== null && today <= lapse.last + (lapse.last - lapse.first + 1)) || null;
}

// Instants at which a release brought something to the table, in whole seconds; daily numbers are no steps.
const STEPS = [...new Set([
  ...[...SERIES.values()].filter((s) => s.frequency !== "B" && s.frequency !== "D").flatMap((s) => s.known),
  ...data.table.filter(([, , id]) => !id)
    .flatMap(([, , , release]) => (CALENDAR.get(release) || []).map((e) => e.actual).filter((at) => at !== null)),
].map(Math.ceil))].sort((a, b) => a - b);

// --- the page -------------------------------------------------------------------------------------------------------------

function laterText(event) {
  const chip = make("span", { class: `chip ${event.status}` }, event.status.replace("_", " "));
  const about = {
    scheduled: ["for ", event.scheduled], rescheduled: ["to ", event.scheduled], pending: ["was due ", event.scheduled],
    cancelled: ["was due ", event.scheduled], merged: [event.actual === null ? "into " : "came ", event.scheduled],
    permanent_gap: ["", null],
  }[event.status] || ["", event.scheduled];
  const told = event.scheduled === null && (event.status === "scheduled" || event.status === "rescheduled") ? ", no date" : "";
  return [
    make("b", {}, nameText(event.period)), " ", chip, told,
    event.scheduled !== null && about[1] !== null ? " " : "", about[1] !== null ? about[0] : "", when(about[1]),
  ];
}

function laterList(row, limit) {
  // what is out of the ordinary, and of what is merely planned the next
  const isPlanned = (event) => event.status === "scheduled";
  const unusual = row.later.filter((event) => !isPlanned(event)).slice(0, limit);
  const kept = new Set([...unusual, ...row.later.filter(isPlanned).slice(0, Math.max(1, limit - 3 - unusual.length))]);
  const list = make("ul", { class: "plain" });
  for (const event of row.later.filter((one) => kept.has(one))) {
    list.append(make("li", {}, ...laterText(event), event.reason && limit > 3 ? make("span", { class: "quiet" }, ` ${event.reason}`) : ""));
  }
  if (row.later.length > kept.size) list.append(make("li", { class: "quiet" }, `and ${row.later.length - kept.size} more`));
  if (row.nWithout) {
    list.append(make("li", { class: "quiet" },
      row.nWithout === 1 ? "a later release came without a value in this data" : `${row.nWithout} later releases came without a value in this data`));
  }
  if (!list.children.length) list.append(make("li", { class: "quiet" }, row.series && !row.series.release ? "no calendar is kept" : "no later period was announced"));
  return list;
}

function revisions(row) {
  const { series, history } = row;
  const decimals = series.decimals;
  const first = make("div", {}, make("data", { class: "first", value: row.firstPrint }, numberText(row.firstPrint, decimals)));
  const change = row.value - row.firstPrint;
  const n = history.length - 1;
  if (n === 0) {
    first.append(make("span", { class: "quiet" }, " not revised"));
    return [first];
  }
  if (change !== 0) first.append(make("span", { class: "quiet" }, ` then ${signed(change, decimals)} in all`));
  else first.append(make("span", { class: "quiet" }, " same value, restated"));
  const list = make("ol", { class: "plain revisions" });
  const shown = history.slice(1).slice(-3);
  if (n > shown.length) list.append(make("li", { class: "quiet" }, `${n - shown.length} earlier`));
  for (const i of shown) list.append(make("li", {}, numberText(series.value[i], decimals), " ", make("span", { class: "quiet" }, when(series.known[i]))));
  return [first, list];
}

function details(entry) {
  const { row } = entry;
  const parts = [];
  if (row.series) {
    const { series } = row;
    const table = make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "period"),
      make("th", { scope: "col", class: "n" }, "value"), make("th", { scope: "col" }, "each value, and since when"))));
    const body = make("tbody");
    for (let place = row.place, shown = 0; place >= 0 && shown < 8; place--) {
      if (row.newest[place] < 0) continue;
      shown++;
      const history = historyOf(series, place, view.asOf);
      const i = row.newest[place];
      const states = make("ol", { class: "plain" });
      for (const k of history) {
        const status = data.states[series.state[k]][1];
        states.append(make("li", {}, series.value[k] === null ? `no value (${data.obsStatuses[status]})` : numberText(series.value[k], series.decimals),
          " ", make("span", { class: "quiet" }, when(series.known[k]))));
      }
      body.append(make("tr", {}, make("td", {}, periodText(series.end[i] - series.length[i], series.end[i])),
        make("td", { class: "n" }, numberText(series.value[i], series.decimals)), make("td", {}, states)));
    }
    table.append(body);
    parts.push(make("div", {}, make("h3", {}, "Last periods, as known then"), table));
  }
  if (row.later.length) parts.push(make("div", {}, make("h3", {}, "Later periods, as called then"), laterList(row, 24)));
  const origin = make("div", {}, make("h3", {}, "Where it comes from"));
  if (row.series) {
    const { series } = row;
    const url = /^https?:\/\//.test(series.url || "") ? make("a", { href: series.url, rel: "noreferrer" }, series.url) : series.url || "no address is kept";
    const release = series.release ? (data.releases[series.release] || { title: series.release }).title : "none is kept";
    const list = make("dl", { class: "facts" });
    const facts = [["series", series.title], ["source", series.agency], ["address", url], ["release", release], ["licence", series.licence],
      ["bytes", make("code", {}, row.payload)], ["origin", row.origin],
      ["ask again", make("code", {}, `undertow explain ${series.id} --as-of ${isoInstant(view.asOf)}`)]];
    for (const [name, says] of facts) list.append(make("dt", {}, name), make("dd", {}, says || "not kept"));
    origin.append(list);
  } else {
    origin.append(make("p", {}, `No values of this release are in this build; its calendar is. Ask again: `,
      make("code", {}, `undertow calendar ${entry.release} --as-of ${isoInstant(view.asOf)}`)));
  }
  parts.push(origin);
  return parts;
}

const HEADINGS = ["", "newest period", "value", "first print", "known since", "age", "later periods", "flags"];

function drawRow(entry, number) {
  const { row } = entry;
  const id = entry.id || entry.release;
  const isOpen = view.open.has(id);
  const title = make("button", { type: "button", class: "title", "aria-expanded": String(isOpen), "aria-controls": `more-${number}` }, entry.title);
  title.addEventListener("click", () => {
    if (isOpen) view.open.delete(id);
    else view.open.add(id);
    draw();
    document.querySelector(`tr[data-id="${CSS.escape(id)}"] .title`).focus();
  });
  const isNew = row.known !== null && view.asOf - row.known < DAY;
  const isSynthetic = row.flags.includes("SYNTHETIC");
  const name = make("th", { scope: "row", role: "rowheader" }, title, make("code", { class: "id" }, id),
    isSynthetic ? make("span", { class: "chip synthetic" }, "synthetic") : "", isNew ? make("span", { class: "chip new" }, "new") : "");
  const since = make("div", {}, when(row.known, { class: "known" }));
  const period = row.end === null ? make("span", { class: "quiet" }, "none yet")
    : make("time", { datetime: isoDay(row.end), "data-start": row.series ? isoDay(row.start) : null, class: "period" },
      row.series ? periodText(row.start, row.end) : nameText(row.period));
  const cells = [
    [period],
    row.series ? [make("data", { value: row.value, class: "value" }, numberText(row.value, row.series.decimals)), make("span", { class: "unit" }, row.series.unit)]
      : [make("span", { class: "quiet" }, "no value in this data")],
    row.series ? revisions(row) : [make("span", { class: "quiet" }, "only the calendar is known")],
    [since, row.series ? make("span", { class: "quiet" }, data.bases[row.basis]) : row.known === null ? "" : make("span", { class: "quiet" }, "instant of the release")],
    [row.age === null ? "" : make("data", { value: row.age, class: "age" }, daysText(row.age))],
    [laterList(row, 3)],
    row.flags.length ? row.flags.map(flagMark) : [make("span", { class: "quiet" }, "none")],
  ];
  const line = make("tr", { role: "row", "data-id": id, class: isSynthetic ? "synthetic" : null }, name);
  cells.forEach((content, place) => line.append(
    make("td", { role: "cell", "data-heading": HEADINGS[place + 1], class: place === 1 || place === 4 ? "n" : null }, ...content)));
  const lines = [line];
  if (isOpen) {
    lines.push(make("tr", { role: "row", class: "more", id: `more-${number}` },
      make("td", { role: "cell", colspan: "8" }, make("div", { class: "parts" }, ...details(entry)))));
  }
  return lines;
}

function isLate(row) {
  return row.flags.some((flag) => flag === "STALE" || flag === "DELAYED")
    || row.later.some((event) => event.status === "cancelled" || event.status === "permanent_gap" || event.status === "merged");
}

function drawLapse(entries) {
  const lapse = lapseAsKnown(view.asOf);
  const pending = entries.filter((entry) => entry.row && entry.row.later.some((event) => event.status === "pending")).length;
  $("lapse").hidden = !lapse || (lapse.status !== "open" && pending === 0);
  if ($("lapse").hidden) return;
  const waits = pending ? ` ${pending} of these rows wait for a release that is past due.` : "";
  $("lapse").className = `banner ${lapse.status === "open" ? "bad" : "warn"}`;
  $("lapse").textContent = lapse.status === "open"
    ? `A lapse in appropriations was open since ${dayText(isoDay(lapse.first))}: agencies were closed and releases stopped.${waits}`
    : `The lapse in appropriations of ${dayText(isoDay(lapse.first))} to ${dayText(isoDay(lapse.last))} was over, its backlog was not.${waits}`;
}

function drawSummary(entries) {
  const known = entries.filter((entry) => entry.row && entry.row.series);
  const values = entries.filter((entry) => entry.id).length;
  const count = (flag) => known.filter((entry) => entry.row.flags.includes(flag)).length;
  const fresh = [...new Set(known.filter((entry) => view.asOf - entry.row.known < DAY).map((entry) => entry.title))];
  const words = [`${known.length} of ${values} series had a value`, `${count("DELAYED")} delayed`, `${count("STALE")} stale`];
  const news = fresh.length ? ` New within a day: ${fresh.slice(0, 4).join("; ")}${fresh.length > 4 ? `; and ${fresh.length - 4} more` : ""}.` : "";
  $("summary").replaceChildren(make("b", {}, "As of ", when(view.asOf)), ` ${view.zone} (`, make("code", {}, isoInstant(view.asOf)), `): ${words.join(", ")}.${news}`);
}

function draw() {
  const entries = tableAsKnown(view.asOf);
  const wanted = $("filter").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const onlyLate = $("late").checked;
  const table = $("known");
  table.querySelectorAll("tbody").forEach((body) => body.remove());
  let body = null;
  let section = null;
  entries.forEach((entry, number) => {
    const text = `${entry.section} ${entry.title} ${entry.id || ""} ${entry.release || ""} ${entry.row ? entry.row.flags.join(" ") : ""}`.toLowerCase();
    if (!entry.row || !wanted.every((word) => text.includes(word)) || (onlyLate && !isLate(entry.row))) return;
    if (entry.section !== section) {
      section = entry.section;
      body = make("tbody", { role: "rowgroup" }, make("tr", { role: "row", class: "section" },
        make("th", { scope: "rowgroup", role: "rowheader", colspan: "8" }, section)));
      table.append(body);
    }
    body.append(...drawRow(entry, number));
  });
  if (!body) table.append(make("tbody", { role: "rowgroup" }, make("tr", { role: "row" }, make("td", { role: "cell", colspan: "8", class: "quiet" }, "no row"))));
  const silent = entries.filter((entry) => !entry.row).map((entry) => entry.title);
  $("unknown").textContent = silent.length ? `Nothing was known then of: ${silent.join("; ")}.` : "";
  drawSummary(entries);
  drawLapse(entries);
}

function show(asOf, { push = true } = {}) {
  setInstant(asOf);
  const hash = `#as-of=${isoInstant(asOf)}${view.zone === "UTC" ? "" : `&zone=${view.zone}`}`;
  $("link").href = hash;
  if (push && location.hash !== hash) history.replaceState(null, "", hash);
  $("previous").disabled = !(STEPS[0] < asOf);
  $("next").disabled = !(STEPS[STEPS.length - 1] > asOf);
  $("fomc").value = data.fomc.includes(isoInstant(asOf)) ? isoInstant(asOf) : "";
  draw();
}

function readHash() {
  const given = hashGiven();
  if (!given.has("as-of")) return false;
  showGiven(given.get("as-of"), (asOf) => show(asOf, { push: false }));
  return true;
}

function step(direction) {
  const next = direction > 0 ? STEPS.find((at) => at > view.asOf) : STEPS.findLast((at) => at < view.asOf);
  if (next !== undefined) show(next);
}

function prepare() {
  for (const at of [...data.fomc].reverse()) $("fomc").append(make("option", { value: at }, dayText(at)));
  prepareInstant(show);
  $("fomc").addEventListener("change", () => $("fomc").value && show(readInstant($("fomc").value)));
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("filter").addEventListener("input", draw);
  $("late").addEventListener("change", draw);
  window.addEventListener("hashchange", readHash);
  if (!readHash()) show(readInstant(data.asOf), { push: false });
}

prepare();
