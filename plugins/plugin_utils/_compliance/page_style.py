# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Style of the compliance page. It contains no report data: the page's policy contains its SHA-256."""

from __future__ import annotations

# A status has a word and a symbol in addition to its color. Findings that fail by the policy are filled, waived ones
# have a dashed border. Groups that are out of view are not laid out.
STYLE = """
:root {
  color-scheme: light; --back: #fff; --text: #1b1f24; --quiet: #57606a; --edge: #d0d7de; --panel: #f3f5f7;
  --ok: #116329; --failed: #a40e26; --unknown: #6639ba; --warning: #7d4e00; --focus: #0550ae;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark; --back: #0d1117; --text: #e6edf3; --quiet: #9aa4ae; --edge: #3d444d; --panel: #171d26;
    --ok: #56d364; --failed: #ff8a80; --unknown: #c9a6ff; --warning: #e3b341; --focus: #79c0ff;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 7.5rem; }
body {
  margin: 0 auto; padding: 1rem; max-width: 90rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere;
}
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.3rem; }
h3 { margin: 0; font-size: 1.05rem; }
h3 a { color: inherit; text-decoration: none; }
p { margin: .5rem 0; max-width: 60rem; }
a { color: inherit; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
.quiet, .facts, dt, caption { color: var(--quiet); }
.facts { margin: .15rem 0 .5rem; font-size: .875rem; }
.skip { position: absolute; left: -100rem; }
.skip:focus { position: static; display: inline-block; padding: .5rem 1rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
code, pre { font: .85rem/1.45 ui-monospace, "SF Mono", Consolas, "DejaVu Sans Mono", monospace; }
pre { margin: 0; padding: .5rem .75rem; background: var(--panel); border-radius: 6px; white-space: pre-wrap; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .75rem 0 0; padding: 0; list-style: none; }

.status {
  --of: var(--quiet); display: inline-block; padding: 0 .5em; border: 1px solid var(--of); border-radius: 1em;
  color: var(--of); font-size: .875rem; font-weight: 600; white-space: nowrap; print-color-adjust: exact;
}
.status::before { margin-right: .35em; }
.ok, .pass { --of: var(--ok); } .failed, .fail { --of: var(--failed); }
.unknown { --of: var(--unknown); } .warning { --of: var(--warning); }
.ok::before, .pass::before { content: "\\2713" / ""; } .failed::before, .fail::before { content: "\\2717" / ""; }
.unknown::before { content: "?\\2060" / ""; } .warning::before { content: "!" / ""; }
.status.filled { background: var(--of); color: var(--back); }
.status.dashed { border-style: dashed; }
td .ok { border-color: transparent; font-weight: normal; }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.tiles { padding: 0; list-style: none; }
.tiles li { padding: .6rem .75rem; border: 1px solid var(--edge); border-radius: 8px; background: var(--panel); }
.tiles li { border-left: .4rem solid var(--of, var(--edge)); print-color-adjust: exact; }
.tiles b { display: block; color: var(--of, inherit); font-size: 1.375rem; line-height: 1.3; }
.tiles b { white-space: nowrap; }
.tiles li::before { display: none; }
.tiles .verdict b { text-transform: uppercase; }

form {
  position: sticky; top: 0; z-index: 3; display: flex; flex-wrap: wrap; align-items: end; gap: .5rem 1rem;
  margin: 1.5rem 0 0; padding: .6rem 0; border-bottom: 1px solid var(--edge); background: var(--back);
}
form[hidden] { display: none; }
form label { display: grid; color: var(--quiet); font-size: .8rem; }
form label.text { flex: 1 1 14rem; }
input, select, button {
  min-height: 2.25rem; padding: .25rem .6rem; border: 1px solid var(--quiet); border-radius: 6px;
  background: var(--back); color: var(--text); font: inherit; font-size: 1rem; max-width: 100%;
}
button { cursor: pointer; background: var(--panel); }
.more:not([hidden]) { display: block; margin: .6rem; }
td button { min-height: 0; padding: 0 .6rem; font-size: .875rem; }
output { flex-basis: 100%; font-size: .875rem; }

.wide { max-height: 75vh; overflow: auto; border: 1px solid var(--edge); border-radius: 8px; }
table { width: 100%; border-collapse: separate; border-spacing: 0; font-size: .925rem; }
caption { padding: .4rem .6rem; font-size: .875rem; text-align: left; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--edge); text-align: left; vertical-align: top; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { position: sticky; top: 0; z-index: 2; background: var(--panel); }
tbody th { font-weight: 600; min-width: 11rem; }
.matrix tbody th { position: sticky; left: 0; z-index: 1; background: var(--back); }
.matrix th, .matrix td { padding: .35rem; }
.matrix th:first-child, .matrix caption { padding-left: .6rem; }
.matrix .status { font-size: .8125rem; overflow-wrap: normal; } .matrix .dashed { white-space: normal; }
.matrix td a { display: inline-block; text-decoration: none; } .matrix td a:hover { text-decoration: underline; }
@media screen { thead th, td button, .number { overflow-wrap: normal; } td button { white-space: nowrap; } }
.number { text-align: right; }

.group { margin: 0 0 1rem; padding: .75rem 1rem; border: 1px solid var(--edge); border-radius: 8px; }
.group { content-visibility: auto; contain-intrinsic-size: auto 9rem; }
.group.fails { border-left: .4rem solid var(--failed); }
.finding, .fine { border-top: 1px solid var(--edge); }
summary { padding: .4rem 0; cursor: pointer; }
summary:hover { background: var(--panel); }
.fine .finding { padding: .4rem 0 .4rem 1rem; }
.finding dl { margin: .25rem 0 .75rem 1rem; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) minmax(0, 1fr); gap: .3rem 1rem; margin: 0; }
dd { margin: 0; }
.how h3 { margin: 1.5rem 0 .5rem; } .how table { margin: .5rem 0 1rem; }
.how tbody th { font-weight: normal; min-width: 0; }
footer { margin: 3rem 0 1rem; padding-top: .75rem; border-top: 1px solid var(--edge); }

@media (max-width: 45rem) {
  form { position: static; }
  html { scroll-padding-top: 1rem; }
  .matrix thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .matrix table, .matrix tbody, .matrix caption { display: block; }
  .matrix tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); padding: .6rem; }
  .matrix tr { border-bottom: 1px solid var(--edge); }
  .matrix tbody th { position: static; grid-column: 1 / -1; }
  .matrix th, .matrix td { padding: .1rem 0; border: 0; }
  .matrix td { display: flex; justify-content: space-between; gap: .4rem; padding-right: .75rem; }
  .matrix td::before { content: attr(data-of); color: var(--quiet); font-size: .875rem; }
  .kinds { max-height: none; }
  .kinds th, .kinds td { padding: .35rem .4rem; } .kinds .spare, .kinds :nth-child(2):is(th, td) { display: none; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; } dd { margin-bottom: .5rem; }
}
@media print {
  @page { size: landscape; margin: 12mm; }
  body { max-width: none; padding: 0; font-size: 9pt; }
  h2 { margin: 1.25rem 0 .5rem; } code, pre { font-size: 7.5pt; } pre { padding: .25rem .5rem; }
  .tiles { grid-template-columns: repeat(8, minmax(0, 1fr)); gap: .4rem; margin: .75rem 0; }
  .tiles li { padding: .3rem .5rem; } .tiles b { font-size: 1rem; }
  form, nav, .skip, button { display: none !important; }
  .wide { max-height: none; overflow: visible; border: 0; }
  thead th, .matrix tbody th { position: static; }
  .group { content-visibility: visible; contain-intrinsic-size: none; }
  summary, tr, h2, h3 { break-inside: avoid; } h2, h3, summary { break-after: avoid; }
  #groups { break-before: page; } .status, .matrix .status, caption, table { font-size: 8pt; }
  th, td, .matrix th, .matrix td { padding: .15rem .3rem; overflow-wrap: normal; background: none; }
  .matrix tbody th, .how td, .how tbody th { overflow-wrap: anywhere; }
  .group { padding: .4rem .6rem; margin-bottom: .6rem; } summary, .fine .finding { padding: .2rem 0; }
  .fine pre { white-space: normal; }
}
"""
