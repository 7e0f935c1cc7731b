-- SPDX-License-Identifier: MIT
--- The style of the page, for light and dark, and for 360 pixels and more.
-- @module balance.report.style
return [[
:root{color-scheme:light dark;--ground:#fff;--ink:#1b1f24;--soft:#57606a;
--rule:#d4d9de;--line:#0b5cad;--warn:#9a4a00;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ground:#14171a;--ink:#e6e9ec;
--soft:#a3abb3;--rule:#363c43;--line:#7ab7ff;--warn:#ffb469;--bad:#ff9a90}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);
font:16px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:64rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;margin:.5rem 0 0}
h2{font-size:1.1rem;margin:0}
p{margin:.25rem 0}
a{color:inherit;text-decoration-color:var(--rule);text-underline-offset:.2em}
.soft,small{color:var(--soft);font-size:.875rem;font-weight:400}
table{width:100%;border-collapse:collapse;margin:1rem 0 2rem}
caption{text-align:left;color:var(--soft);font-size:.875rem;
padding-bottom:.25rem}
th,td{text-align:left;padding:.5rem .75rem .5rem 0;vertical-align:top;
border-bottom:1px solid var(--rule)}
thead th{color:var(--soft);font-size:.875rem;font-weight:400}
tbody th{font-weight:600}
tbody small{display:block}
.number{text-align:right;font-variant-numeric:tabular-nums}
td.number,time{white-space:nowrap}
.number+:not(.number){padding-left:1rem}
.state{white-space:nowrap}
.low,.soon{color:var(--warn);font-weight:600}
.unknown,.refused,.problem{color:var(--bad);font-weight:600}
section{border-top:1px solid var(--rule);padding:1rem 0}
figure{margin:.5rem 0 0}
svg{display:block;width:100%;height:7rem;overflow:visible;color:var(--line)}
path{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}
path.area{fill:currentColor;fill-opacity:.12;stroke:none}
path.ground{stroke:var(--rule);stroke-width:1}
path.threshold{stroke:var(--warn);stroke-width:1;stroke-dasharray:6 4}
path.top-up{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:2 3}
path.now{stroke-width:8;stroke-linecap:round}
.ends{display:flex;justify-content:space-between}
@media(max-width:44rem){
table,caption,tbody,tr,th,td{display:block}
thead{position:absolute;clip-path:inset(50%);height:1px;width:1px;
overflow:hidden}
tbody tr{border-bottom:1px solid var(--rule);padding:.5rem 0}
tbody th,td{border:0;padding:.125rem 0}
td,.number+:not(.number){padding-left:0}
td{display:flex;justify-content:space-between;gap:1rem;text-align:right}
td::before{content:attr(data-label);color:var(--soft);font-weight:400}
td.number{white-space:normal}
}
]]
