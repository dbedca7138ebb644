// Parts of charts that scripts draw.

const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function niceTicks(low, high, wanted) {
  const rough = (high - low) / Math.max(wanted - 1, 1) || Math.abs(low) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => power * factor).find((size) => size >= rough * (1 - 1e-9));
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let place = first; place <= last; place++) ticks.push(place * step);
  return { ticks, decimals };
}

function timeTicks(first, last, wanted) { // days and what they are called
  const months = monthOf(last) - monthOf(first);
  if (months < 2) return [...new Set([first, last])].map((day) => [day, isoDay(day)]);
  const step = [1, 2, 3, 6, 12, 24, 60, 120, 240].find((size) => months / size <= wanted) || 480;
  const found = [];
  for (let month = Math.ceil(monthOf(first) / step) * step; month <= monthOf(last); month += step) {
    const day = lastDayOfMonth(month - 1) + 1;
    if (day >= first && day <= last) found.push([day, step >= 12 ? isoDay(day).slice(0, 4) : isoDay(day).slice(0, 7)]);
  }
  return found;
}
