// Colours are chosen for a contrast of text of 4.5 and more on every ground that it stands on, the
// strongest cells of matrices included.

#include "steps/profile/page.h"

namespace penstock {

const char kPageStyle[] = R"css(
:root{color-scheme:light dark;--ground:#fff;--card:#f5f6f8;--line:#d9dde2;--text:#1a1d21;
--quiet:#565e67;--link:#2756a8;--bar:#4673c4;--box:#8a94a0;--mark:#1a1d21;--warn:#8a4b00;
--up:39,86,168;--down:176,58,36}
@media (prefers-color-scheme:dark){:root{--ground:#14171a;--card:#1c2024;--line:#343a41;
--text:#e8eaec;--quiet:#a6aeb6;--link:#8fb4f5;--bar:#6f9be8;--box:#7a848f;--mark:#e8eaec;
--warn:#f0b45c;--up:96,140,220;--down:214,96,76}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--text);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
overflow-wrap:anywhere}
main{max-width:72rem;margin:0 auto;padding:1rem 1rem 4rem}
h1{font-size:1.6rem;line-height:1.2;margin:1rem 0 .25rem}
h2{font-size:1.25rem;line-height:1.3;margin:2.5rem 0 .75rem}
h3{font-size:1.05rem;line-height:1.3;margin:0}
p{margin:.5rem 0;max-width:44rem}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--link);
outline-offset:2px}
.quiet{color:var(--quiet)}
nav ul{display:flex;flex-wrap:wrap;gap:0 1rem;list-style:none;margin:.5rem 0;padding:0}
nav a{display:inline-block;padding:.6rem 0;min-height:2.75rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.75rem;margin:1rem 0}
.tiles div{background:var(--card);border-radius:.5rem;padding:.75rem}
dl{margin:0}
dt{color:var(--quiet);font-size:.875rem}
dd{margin:0;font-variant-numeric:tabular-nums}
.tiles dd{font-size:1.25rem}
.tiles small{display:block;color:var(--quiet);font-size:.875rem}
.hints{list-style:none;margin:0;padding:0;max-width:52rem}
.hints li{border-left:.25rem solid var(--warn);background:var(--card);border-radius:.25rem;
margin:.5rem 0;padding:.6rem .75rem}
.hints b{display:block;color:var(--warn);font-size:.875rem;letter-spacing:.02em}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));gap:1rem}
article{background:var(--card);border-radius:.5rem;padding:1rem;min-width:0;scroll-margin-top:1rem}
article header{display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:baseline}
article header p{margin:0;font-size:.875rem;color:var(--quiet)}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(6.5rem,1fr));gap:.4rem .75rem;
margin-top:.75rem}
svg{display:block;width:100%}
.histogram{height:6rem;margin-top:.75rem}
.share{height:.25rem;margin-top:.25rem}
.bar{fill:var(--bar)}.box{fill:var(--box)}.median{fill:var(--mark)}
.ends{display:flex;justify-content:space-between;gap:1rem;color:var(--quiet);font-size:.875rem;
font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;max-width:100%;margin:.75rem 0;-webkit-overflow-scrolling:touch}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
article table{width:100%}
caption{text-align:left;color:var(--quiet);padding:.25rem 0}
th,td{padding:.4rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:baseline}
th{font-weight:600}
td.n,th.n{text-align:right;white-space:nowrap}
tbody th{font-weight:400;min-width:7rem;max-width:16rem}
.counts{width:100%;max-width:32rem}
.counts tbody th{min-width:8rem;width:100%}
.counts bdi{white-space:pre-wrap}
th a,td a{display:block;padding:.35rem 0;min-height:2rem}
.matrix td{text-align:right;white-space:nowrap;border:1px solid var(--ground)}
.matrix tbody th{position:sticky;left:0;background:var(--ground);max-width:9rem;
border-right:1px solid var(--line)}
.matrix thead th{text-align:right}
.p1{background:rgba(var(--up),.05)}.p2{background:rgba(var(--up),.1)}
.p3{background:rgba(var(--up),.15)}.p4{background:rgba(var(--up),.2)}
.p5{background:rgba(var(--up),.25)}.p6{background:rgba(var(--up),.3)}
.p7{background:rgba(var(--up),.35)}.p8{background:rgba(var(--up),.4)}
.p9{background:rgba(var(--up),.45)}.p10{background:rgba(var(--up),.5)}
.m1{background:rgba(var(--down),.05)}.m2{background:rgba(var(--down),.1)}
.m3{background:rgba(var(--down),.15)}.m4{background:rgba(var(--down),.2)}
.m5{background:rgba(var(--down),.25)}.m6{background:rgba(var(--down),.3)}
.m7{background:rgba(var(--down),.35)}.m8{background:rgba(var(--down),.4)}
.m9{background:rgba(var(--down),.45)}.m10{background:rgba(var(--down),.5)}
details{margin:.75rem 0}
summary{cursor:pointer;padding:.6rem 0;min-height:2.75rem}
@media print{article{break-inside:avoid}}
)css";

}  // namespace penstock
