"use strict";
// What the scripts of all pages share: their data, days and instants, texts, and elements. Days count from 1970-01-01, instants are
// seconds from then. A page's own script follows, and shows `view`.

const data = JSON.parse(document.getElementById("data").textContent);
const DAY = 86400;
const view = { asOf: null, zone: "UTC", open: new Set() };

function isoDay(day) {
  return new Date(day * DAY * 1000).toISOString().slice(0, 10);
}

function monthOf(day) {
  const date = new Date(day * DAY * 1000);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function lastDayOfMonth(month) {
  return Date.UTC(Math.floor(month / 12), (month % 12) + 1, 0) / 1000 / DAY;
}

// --- texts ----------------------------------------------------------------------------------------------------------------

function isoInstant(seconds) {
  return new Date(seconds * 1000).toISOString().replace(/\.000Z$/, "Z");
}

const CLOCKS = new Map(); // they take long to make

function inZone(seconds, zone) {
  if (!CLOCKS.has(zone)) {
    CLOCKS.set(zone, new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
      hourCycle: "h23",
    }));
  }
  const parts = CLOCKS.get(zone).formatToParts(new Date(seconds * 1000));
  const found = Object.fromEntries(parts.map((part) => [part.type, part.value]));
  return { day: `${found.year.padStart(4, "0")}-${found.month}-${found.day}`, clock: `${found.hour}:${found.minute}`, second: found.second };
}

// A local time that occurs twice is the first of the two; one that the clocks skip is an error, null here.
function fromZone(day, clock, zone) {
  const wall = Date.parse(`${day}T${clock}Z`) / 1000;
  if (Number.isNaN(wall)) return null;
  const shown = (seconds) => {
    const local = inZone(seconds, zone);
    return Date.parse(`${local.day}T${local.clock}:${local.second}Z`) / 1000;
  };
  const found = [wall - DAY, wall, wall + DAY].map((at) => wall - (shown(at) - at)).filter((at) => shown(at) === wall);
  return found.length ? Math.min(...found) : null;
}

// The same reading as everywhere: a text without a zone is UTC.
function readInstant(text) {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?))?\s*(Z|UTC|[A-Za-z]+(?:\/[A-Za-z0-9_+-]+)+)?$/i.exec(text.trim());
  if (!match) return null;
  const zone = !match[3] || /^(z|utc)$/i.test(match[3]) ? "UTC" : match[3];
  try {
    return fromZone(match[1], (match[2] || "00:00").padEnd(8, ":00"), zone);
  } catch {
    return null;
  }
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function dayText(iso) {
  return `${Number(iso.slice(8, 10))} ${MONTHS[Number(iso.slice(5, 7)) - 1]} ${iso.slice(0, 4)}`;
}

function periodText(start, end) {
  const [first, last] = [isoDay(start), isoDay(end)];
  if (first === last) return dayText(first);
  if (first.endsWith("-01") && end === lastDayOfMonth(monthOf(start))) return `${MONTHS[monthOf(start) % 12]} ${first.slice(0, 4)}`;
  if (first.endsWith("-01-01") && last === `${first.slice(0, 4)}-12-31`) return first.slice(0, 4);
  if (first.endsWith("-01") && monthOf(start) % 3 === 0 && end === lastDayOfMonth(monthOf(start) + 2)) {
    return `Q${(monthOf(start) % 12) / 3 + 1} ${first.slice(0, 4)}`;
  }
  if (end - start === 6) return `week to ${dayText(last)}`;
  return first.slice(0, 7) === last.slice(0, 7) ? `${Number(first.slice(8))} to ${dayText(last)}` : `${dayText(first)} to ${dayText(last)}`;
}

function nameText(name) { // of a period in the calendar: 2025-10, 2025-Q3 or a day
  if (/^\d{4}-\d{2}$/.test(name)) return `${MONTHS[Number(name.slice(5)) - 1]} ${name.slice(0, 4)}`;
  if (/^\d{4}-Q\d$/.test(name)) return `${name.slice(5)} ${name.slice(0, 4)}`;
  return /^\d{4}-\d{2}-\d{2}$/.test(name) ? dayText(name) : name;
}

function numberText(value, decimals) {
  if (value === null) return "none";
  const fixed = decimals === null ? { maximumSignificantDigits: 6 } : { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return value.toLocaleString("en-US", fixed).replace("-", "\u2212");
}

function signed(value, decimals) {
  return (value > 0 ? "+" : "") + numberText(value, decimals);
}

function daysText(days) {
  if (days < 0) return `ends in ${-days} ${days === -1 ? "day" : "days"}`;
  if (days === 0) return "ends today";
  return days === 1 ? "1 day" : `${days} days`;
}

// --- elements ----------------------------------------------------------------------------------------------------------

const $ = (id) => document.getElementById(id);

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function when(seconds, attributes) {
  if (seconds === null) return "";
  const local = inZone(seconds, view.zone);
  return make("time", { datetime: isoInstant(seconds), ...attributes }, `${dayText(local.day)} ${local.clock}`);
}

function flagMark(flag) {
  return make("span", {
    class: `flag tip ${{ STALE: "warn", DELAYED: "warn", SUSPECT: "bad", SYNTHETIC: "bad" }[flag] || ""}`, tabindex: "0", "data-flag": flag,
    "data-says": data.flags[flag] || "", "aria-label": `${flag}: ${data.flags[flag] || ""}`,
  }, flag);
}

// --- the instant that is shown --------------------------------------------------------------------------------------------

function complain(text) {
  $("wrong").textContent = text;
  $("wrong").hidden = false;
}

function setInstant(asOf) { // in the controls; the page then shows itself
  view.asOf = asOf;
  const local = inZone(asOf, view.zone);
  $("at").value = `${local.day}T${local.clock}${local.second === "00" ? "" : `:${local.second}`}`;
  $("wrong").hidden = true;
  document.querySelectorAll("#notable button").forEach((button) => button.setAttribute("aria-pressed", String(button.value === isoInstant(asOf))));
}

function hashGiven() { // what the fragment of the address asks for; its zone is taken at once
  const given = new URLSearchParams(location.hash.slice(1).replace(/\+/g, "%2B"));
  if ([...$("zone").options].some((option) => option.value === given.get("zone"))) $("zone").value = view.zone = given.get("zone");
  return given;
}

function showGiven(text, show) {
  const asOf = readInstant(text);
  show(asOf === null ? readInstant(data.asOf) : asOf);
  if (asOf === null) complain(`${text} is not an instant; write for example #as-of=2025-12-10T19:00:00Z or #as-of=2025-12-10 14:00 America/New_York`);
}

function prepareInstant(show) {
  for (const [at, says] of data.notable) {
    const button = make("button", { type: "button", value: at }, says, " ", make("span", { class: "quiet" }, dayText(at)));
    button.addEventListener("click", () => show(readInstant(at)));
    $("notable").append(button);
  }
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("at").addEventListener("change", () => {
    const [day, clock] = $("at").value.split("T");
    const asOf = clock ? fromZone(day, clock.padEnd(8, ":00"), view.zone) : null;
    if (asOf === null) complain($("at").value ? `${$("at").value.replace("T", " ")} does not exist in ${view.zone}: the clocks skip it` : "choose a day and a time");
    else show(asOf);
  });
  $("zone").addEventListener("change", () => {
    view.zone = $("zone").value;
    show(view.asOf);
  });
}
