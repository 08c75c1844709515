"""How the HTML page looks: on a screen in light and dark, on a phone, and on A4 paper."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5a6675;--line:#d5dbe3;--page:#fff;--card:#f6f8fa;
--rule:#4f86c6;--person:#d9a02b;--denied:#b4342d;--plain:#6b7785;--good:#1d7a46;--warn:#9a6200}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#a3afbe;--line:#36414f;--page:#12171e;
--card:#1a212b;--rule:#6ea3e0;--person:#e5b552;--denied:#ee6b62;--plain:#93a0b0;--good:#58c487;--warn:#e5b552}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:62rem;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .25rem}
h2{font-size:1.25rem;margin:0 0 .35rem}
h3{font-size:1rem;margin:1.4rem 0 .4rem}
section{margin-top:2.25rem;padding-top:1.25rem;border-top:1px solid var(--line)}
.about,.lead{color:var(--soft);margin:.2rem 0;max-width:46rem}
.about b{color:var(--ink);font-weight:600}
bdi{unicode-bidi:isolate;overflow-wrap:anywhere}
code{font:12px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;color:var(--soft);
overflow-wrap:anywhere}
.verdict{margin:1.25rem 0 0;padding:.8rem 1rem;border:1px solid var(--line);border-left:6px solid var(--warn);
border-radius:6px;background:var(--card)}
.verdict.sealed{border-left-color:var(--good)}.verdict.broken{border-left-color:var(--denied)}
.verdict strong{font-size:1.1rem}.verdict p{margin:.3rem 0}
.verdict pre{margin:.4rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere;font:12px/1.45 ui-monospace,Menlo,
Consolas,"DejaVu Sans Mono",monospace}
nav{margin-top:1.25rem}.first{margin:.3rem 0 0;padding:0;list-style:none}.first li{padding:.15rem 0}
.first a{color:inherit;text-decoration-color:var(--soft);text-underline-offset:.15em}.first b{
color:var(--denied);font-variant-numeric:tabular-nums}.first span{color:var(--soft);font-size:.85rem}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(11.5rem,1fr));gap:.6rem;margin:.9rem 0 0;
padding:0;list-style:none}
.facts li{padding:.55rem .75rem;border:1px solid var(--line);border-radius:6px;background:var(--card)}
.facts b{display:block;font-size:1.35rem;line-height:1.2;font-variant-numeric:tabular-nums}
.facts .look{border-color:var(--denied)}.facts .look b{color:var(--denied)}
.facts span{display:block;font-size:.85rem;line-height:1.35}
.facts code{display:block;margin-top:.3rem;font-size:11px}
figure{margin:1.4rem 0 0}figcaption{font-weight:600;margin-bottom:.3rem}
.chart{display:block;width:100%;height:auto;max-width:36rem}
svg text{fill:var(--ink);font-size:12px;unicode-bidi:isolate}
svg .end{text-anchor:end}svg .mid{text-anchor:middle}svg .grid{stroke:var(--line)}
.rule{fill:var(--rule)}.person{fill:var(--person)}.denied{fill:var(--denied)}.plain{fill:var(--plain)}
.tip{fill:transparent}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:.2rem 0 0;padding:0;list-style:none;
font-size:.85rem}
.legend svg{display:inline-block;width:.8em;height:.8em;margin-right:.4em}
.wide{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:.9rem}
th,td{padding:.4rem .6rem .4rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--soft);font-size:.8rem}
td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td{min-width:6.5rem}td.n{min-width:0}td:first-child{min-width:13rem}td code,h3+code{display:block}
tr.look td:first-child bdi{color:var(--denied);font-weight:600}
.none,.more{color:var(--soft);font-size:.9rem;margin:.4rem 0 0}
@media (max-width:40rem){body{padding:1.25rem .9rem 3rem;font-size:15px}h1{font-size:1.4rem}
.facts{grid-template-columns:repeat(2,minmax(0,1fr))}td:first-child{min-width:10rem}}
@media print{@page{size:A4;margin:16mm 14mm}
:root{--ink:#000;--soft:#444;--line:#bbb;--page:#fff;--card:#fff;--rule:#7aa6d8;--person:#e0b04a;--denied:#8f1f19;
--good:#1d7a46;--warn:#9a6200}
body{max-width:none;padding:0;font-size:10pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}
h1,h2,h3,h3+code,.lead,figcaption{break-after:avoid}
figure,.facts,.first,tr,.facts li,.verdict{break-inside:avoid}
thead{display:table-header-group}
section{margin-top:1.2rem;padding-top:.8rem}.wide{overflow:visible}
.facts{grid-template-columns:repeat(4,minmax(0,1fr))}.facts b{font-size:12pt}.chart{max-width:15cm}
code,.facts code{font-size:7.5pt}}
"""
