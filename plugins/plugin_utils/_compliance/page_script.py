# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Script of the compliance page. It contains no report data: the page's policy contains its SHA-256.

It draws rows and findings from the data of the page, which it only ever inserts as text. A page of a thousand groups
has half a million nodes if it shows everything, so rows and groups are drawn as the reader gets to them, and the body
of a finding when it is expanded. On paper, everything is drawn. The filter works on the data.
"""

from __future__ import annotations

SCRIPT = r"""
"use strict";
const part = (id) => document.getElementById(id);
const [form, text, show, check, count] = ["filter", "text", "show", "check", "count"].map(part);
const number = (value) => value.toLocaleString("en");

// Data ---------------------------------------------------------------------------------------------------------------

// DEFLATE (RFC 1951). DecompressionStream of the browser only works asynchronously: a page that is printed as soon as
// it is loaded would be empty.
function inflated(packed, size) {
  const output = new Uint8Array(size);
  let [read, written, bits, held] = [0, 0, 0, 0];

  function take(wanted) {
    while (held < wanted) {
      bits |= packed[read] << held;
      read += 1;
      held += 8;
    }
    const value = bits & ((1 << wanted) - 1);
    bits >>>= wanted;
    held -= wanted;
    return value;
  }

  function coding(lengths) {
    const counts = new Uint16Array(16);
    const starts = new Uint16Array(16);
    const symbols = new Uint16Array(lengths.length);
    for (const length of lengths) if (length) counts[length] += 1;
    for (let length = 1; length < 16; length += 1) starts[length] = starts[length - 1] + counts[length - 1];
    lengths.forEach((length, symbol) => {
      if (length) symbols[starts[length]++] = symbol;
    });
    return { counts, symbols };
  }

  function symbol({ counts, symbols }) {
    let [code, first, index] = [0, 0, 0];
    for (let length = 1; length < 16; length += 1) {
      code |= take(1);
      if (code - counts[length] < first) return symbols[index + code - first];
      index += counts[length];
      first = (first + counts[length]) << 1;
      code <<= 1;
    }
    throw new Error("the data is damaged");
  }

  function ranges(start, extras) {
    let base = start;
    return extras.map((extra) => {
      base += 1 << extra;
      return { base: base - (1 << extra), extra };
    });
  }

  const lengths = ranges(3, [...Array(28).keys()].map((code) => (code < 8 ? 0 : (code >> 2) - 1)));
  lengths.push({ base: 258, extra: 0 });
  const distances = ranges(1, [...Array(30).keys()].map((code) => (code < 4 ? 0 : (code >> 1) - 1)));
  const spread = ({ base, extra }) => base + take(extra);

  function stored() {
    bits = 0;
    held = 0;
    const end = read + 4 + (packed[read] | (packed[read + 1] << 8));
    output.set(packed.subarray(read + 4, end), written);
    written += end - read - 4;
    read = end;
  }

  function fixed() {
    const literal = [...Array(288).keys()].map((code) => (code < 144 ? 8 : code < 256 ? 9 : code < 280 ? 7 : 8));
    return [coding(literal), coding(Array(30).fill(5))];
  }

  function described() {
    const [literals, all] = [take(5) + 257, take(5) + 1];
    const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    const used = take(4) + 4;
    const first = Array(19).fill(0);
    for (const place of order.slice(0, used)) first[place] = take(3);
    const [codes, found] = [coding(first), []];
    while (found.length < literals + all) {
      const code = symbol(codes);
      if (code < 16) found.push(code);
      else if (code === 16) found.push(...Array(3 + take(2)).fill(found.at(-1)));
      else found.push(...Array(code === 17 ? 3 + take(3) : 11 + take(7)).fill(0));
    }
    return [coding(found.slice(0, literals)), coding(found.slice(literals))];
  }

  function compressed([literals, far]) {
    for (let code = symbol(literals); code !== 256; code = symbol(literals)) {
      if (code < 256) {
        output[written] = code;
        written += 1;
      } else {
        const end = written + spread(lengths[code - 257]);
        const back = spread(distances[symbol(far)]);
        for (; written < end; written += 1) output[written] = output[written - back];
      }
      if (written > size) throw new Error("the data is damaged");
    }
  }

  for (let last = 0; !last; ) {
    last = take(1);
    const kind = take(2);
    if (kind === 0) stored();
    else compressed(kind === 1 ? fixed() : described());
    if (read > packed.length + 4) throw new Error("the data is damaged");
  }
  if (written !== size) throw new Error("the data is damaged");
  return output;
}

function unpacked(element) {
  const letters = atob(element.textContent);
  const packed = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place += 1) packed[place] = letters.charCodeAt(place);
  return JSON.parse(new TextDecoder().decode(inflated(packed, Number(element.dataset.size))));
}

let report;
try {
  report = unpacked(part("data"));
} catch (error) {
  part("broken").hidden = false;
  throw error;
}

function findingsOf(anchor, found) {
  return found.map((numbers, place) => {
    const finding = { anchor: `${anchor}-${place}`, lines: numbers.slice(report.names.length) };
    report.names.forEach((name, at) => {
      finding[name] = report.texts[numbers[at]];
    });
    return finding;
  });
}

// The findings about the run are shown like a group, but it has no row.
const ofRun = { anchor: "run", name: "The run", findings: findingsOf("run", report.run) };
const groups = report.groups.map((group, place) =>
  ({ ...group, anchor: `g${place}`, findings: findingsOf(`g${place}`, group.findings) }));
if (ofRun.findings.length) groups.unshift(ofRun);
const places = new Map(groups.map((group, place) => [group.anchor, place]));
const all = groups.reduce((sum, group) => sum + group.findings.length, 0);
const evidence = ({ lines }) => lines.map((of) => report.texts[of]).join("\n");

// Everything that the finding shows, also while it is not drawn.
function words(finding) {
  const { title, section, controls } = report.kinds[finding.id];
  const { id, status, severity, plane, object, expected, actual, remedy, waiver } = finding;
  finding.words ??= [title, id, status, severity, plane, object, expected, actual, remedy, waiver, section, controls,
    evidence(finding)].join("\n").toLowerCase();
  return finding.words;
}

// Elements -----------------------------------------------------------------------------------------------------------

function make(tag, attributes, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}

function pill({ status, outcome }) {
  const look = { fail: " filled", waived: " dashed" }[outcome] ?? "";
  const more = { fail: [make("span", { class: "unseen" }, ", fails")], waived: [", waived"] }[outcome] ?? [];
  return make("span", { class: `status ${status}${look}` }, status, ...more);
}

const result = ({ verdict }) =>
  make("span", { class: `status ${verdict}${verdict === "fail" ? " filled" : ""}` }, verdict);
// Isolated, because a name may be in a right-to-left script.
const named = ({ name }) => make("bdi", {}, name || "(no name)");
const quiet = (...content) => make("span", { class: "quiet" }, ...content);

function row({ group }) {
  const cell = (of, content) => make("td", { role: "cell", "data-of": of }, content);
  const link = make("a", { href: `#${group.anchor}` }, named(group));
  return make("tr", { role: "row", "data-group": group.anchor },
    make("th", { scope: "row", role: "rowheader" }, link), cell("result", result(group)),
    ...report.checks.map((name, place) => {
      const finding = group.findings[group.worst[place]];
      if (!finding) return cell(name, "-");
      if (finding.status === "ok") return cell(name, pill(finding));
      return cell(name, make("a", { href: `#${finding.anchor}` }, pill(finding)));
    }));
}

// The body of an element that can be expanded is drawn when it is.
const bodies = new WeakMap();
const expandedIds = new Set();
let allExpanded = false;
// What was drawn before everything was drawn for paper; null on the screen.
let screen = null;

function expand(details, open) {
  const draw = bodies.get(details);
  if (open && draw) {
    bodies.delete(details);
    details.append(...draw());
  }
  details.open = open;
  if (screen === null) expandedIds[open ? "add" : "delete"](details.id);
}

function collapsible(attributes, summary, draw) {
  const details = make("details", attributes, make("summary", {}, ...summary));
  bodies.set(details, draw);
  if (screen !== null || allExpanded || expandedIds.has(details.id)) expand(details, true);
  return details;
}

function terms(pairs) {
  const told = pairs.filter(([, value]) => value);
  return make("dl", {}, ...told.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function body(finding) {
  const { section, controls } = report.kinds[finding.id];
  return [terms([
    ["Expected", finding.expected],
    ["Actual", finding.actual],
    ["Next", finding.remedy],
    ["Waived", finding.waiver],
    ["Where", `${finding.plane}, ${finding.object}`],
    ["Guide", section],
    ["Controls", controls],
    ["ID", make("code", {}, finding.id)],
    ["Evidence", finding.lines.length && make("pre", {}, evidence(finding))],
  ])];
}

function open(finding) {
  return collapsible({ class: "finding", id: finding.anchor }, [
    pill(finding), " ", make("b", {}, report.kinds[finding.id].title), " ",
    quiet(`${finding.object}, severity ${finding.severity}`),
  ], () => body(finding));
}

// A finding of status ok only shows what was read.
function fine(finding) {
  const { title, section } = report.kinds[finding.id];
  return make("div", { class: "finding" }, pill(finding), ` ${title} `,
    quiet(`guide ${section}, `, make("code", {}, finding.id)), make("pre", {}, evidence(finding)));
}

function section({ group, findings }) {
  const of = (ok) => findings.filter((finding) => (finding.status === "ok") === ok);
  const passed = of(true);
  const name = `${group.anchor}-name`;
  return make("section", {
    class: group.verdict === "fail" ? "group fails" : "group",
    id: group.anchor, tabindex: "-1", "aria-labelledby": name,
  }, make("h3", { id: name }, ...(group.verdict ? [result(group), " ", named(group)] : [group.name])),
  ...(group.facts ? [make("p", { class: "facts" }, group.facts)] : []), ...of(false).map(open),
  ...(passed.length ? [collapsible({ class: "fine", id: `${group.anchor}-ok` }, [
    make("span", { class: "status ok" }, `${passed.length} ok`), " ",
    quiet(passed.map((finding) => finding.check).join(", ")),
  ], () => passed.map(fine))] : []));
}

// Lists --------------------------------------------------------------------------------------------------------------

// The next step of a list is drawn when its end comes near: by scrolling, by keyboard, or with the button there.
function list(parent, more, root, step, draw, what) {
  let [items, drawn] = [[], 0];
  const near = new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting)) extend(drawn + step);
  }, { root, rootMargin: "1000px" });

  function extend(until) {
    near.unobserve(more);
    const content = document.createDocumentFragment();
    const end = Math.min(until, items.length);
    for (; drawn < end; drawn += 1) content.append(draw(items[drawn]));
    parent.append(content);
    more.hidden = drawn === items.length;
    more.textContent = `Show more: ${number(drawn)} of ${number(items.length)} ${what} are drawn`;
    // Observed anew, it reports again if it is still near.
    if (!more.hidden) near.observe(more);
  }

  more.addEventListener("click", () => {
    const first = drawn;
    extend(drawn + step);
    parent.children[first]?.querySelector("a, summary")?.focus();
  });
  return {
    show(found, until = step) {
      parent.replaceChildren();
      [items, drawn] = [found, 0];
      extend(until);
    },
    reach(item) {
      if (item >= drawn) extend(item + step);
    },
    drawn: () => drawn,
  };
}

const [rows, sections] = [
  list(part("rows"), part("more-rows"), part("rows").closest(".wide"), 60, row, "groups"),
  list(part("sections"), part("more-sections"), null, 15, section, "groups"),
];
const everything = groups.map((group) => ({ group, findings: group.findings }));
let shown = [];

function draw(found, rowsUntil, sectionsUntil) {
  rows.show(found.filter(({ group }) => group.verdict), rowsUntil);
  sections.show(found, sectionsUntil);
}

// The filter works on findings: a group is shown if one of its findings is.
function apply() {
  const wanted = text.value.trim().toLowerCase();
  shown = groups.map((group) => {
    const hit = group.name.toLowerCase().includes(wanted);
    const findings = group.findings.filter((finding) =>
      (!check.value || finding.check === check.value) &&
      (!show.value || finding.status === show.value || finding.outcome === show.value) &&
      (hit || words(finding).includes(wanted)));
    return { group, findings };
  }).filter(({ findings }) => findings.length);
  draw(shown);
  const left = shown.filter(({ group }) => group.verdict).length;
  const findings = shown.reduce((sum, one) => sum + one.findings.length, 0);
  count.textContent = `${number(left)} of ${number(report.groups.length)} groups and ` +
    `${number(findings)} of ${number(all)} findings are shown.`;
}

function reset() {
  form.reset();
  apply();
}

// A link may lead to a finding that is collapsed, filtered or not drawn.
function reveal() {
  const hash = location.hash.slice(1);
  const place = places.get(hash.replace(/-\d+$/, ""));
  if (place !== undefined) {
    const of = (one) => one.group === groups[place] &&
      (hash === groups[place].anchor || one.findings.some(({ anchor }) => anchor === hash));
    if (!shown.some(of)) reset();
    sections.reach(shown.findIndex(of));
  }
  const target = part(hash);
  if (!target) return;
  if (target.tagName === "DETAILS") expand(target, true);
  target.scrollIntoView();
  (target.querySelector(":scope > summary") ?? target).focus({ preventScroll: true });
}

// Events -------------------------------------------------------------------------------------------------------------

let waiting;
text.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(apply, 150);
});
for (const choice of [show, check]) choice.addEventListener("change", apply);
form.addEventListener("submit", (event) => event.preventDefault());
part("all").addEventListener("click", reset);
part("open").addEventListener("click", () => {
  const drawn = [...part("sections").querySelectorAll("details")];
  allExpanded = drawn.some((one) => !one.open);
  expandedIds.clear();
  for (const one of drawn) expand(one, allExpanded);
});
for (const button of document.querySelectorAll("button[data-kind]")) {
  button.addEventListener("click", () => {
    form.reset();
    text.value = button.dataset.kind;
    apply();
    text.focus();
  });
}
// This event does not bubble.
document.addEventListener("toggle", ({ target }) => target.isConnected && expand(target, target.open), true);
window.addEventListener("hashchange", reveal);
document.addEventListener("click", (event) => {
  // The same link again changes nothing, so there is no event for it.
  if (event.target.closest("a")?.hash === location.hash && location.hash) reveal();
});

// On paper, everything is drawn, regardless of the filter and of what is collapsed.
function paper(printing) {
  if (printing === (screen !== null)) return;
  if (printing) {
    screen = { rows: rows.drawn(), sections: sections.drawn(), at: window.scrollY };
    draw(everything, Infinity, Infinity);
  } else {
    const { rows: someRows, sections: someSections, at } = screen;
    screen = null;
    draw(shown, someRows, someSections);
    window.scrollTo(0, at);
  }
}
window.addEventListener("beforeprint", () => paper(true));
window.addEventListener("afterprint", () => paper(false));
window.matchMedia("print").addEventListener("change", (event) => paper(event.matches));

for (const hidden of document.querySelectorAll("[data-scripted]")) hidden.hidden = false;
apply();
reveal();
"""
