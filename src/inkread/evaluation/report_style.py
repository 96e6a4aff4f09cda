"""The look of a report: light or dark, as the reader's system says, on a phone and on a desk."""

STYLE = """
:root { color-scheme: light dark; --text: #1f2933; --quiet: #616e7c; --line: #cbd2d9; --faint: #e9edf0;
  --ground: #fff; --card: #f6f8f9; --right: #d3eef2; --answer: #0b7285; --miss: #c2410c; --wrong: 217 72 15; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e7eb; --quiet: #9aa5b1; --line: #3e4c59; --faint: #262d34; --ground: #16191d; --card: #1e2329;
    --right: #123c44; --answer: #4fb3c5; --miss: #ff9466; --wrong: 255 120 60; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--ground); margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 2.4rem 0 .5rem; }
p { margin: .4rem 0; max-width: 46rem; } .quiet { color: var(--quiet); }
.large { font-size: 2.6rem; font-weight: 700; margin: .6rem 0 0; line-height: 1.2; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--quiet); font-weight: 500; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 3rem; }
.confusion td, .confusion th { padding: .25rem .4rem; min-width: 1.9rem; text-align: center; }
.confusion th:first-child { min-width: 1rem; }
td.right { background: var(--right); font-weight: 600; }
td.wrong { background: rgb(var(--wrong) / calc(var(--share) * .6)); }
summary { color: var(--answer); cursor: pointer; margin: .6rem 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 0 2rem; }
section { min-width: 0; }
.chart { display: block; width: 100%; max-width: 30rem; margin: .8rem 0; overflow: visible; }
.interval { width: 7rem; vertical-align: middle; }
svg text { fill: var(--quiet); font-size: 12px; } svg .value { fill: var(--text); font-size: 11px; }
svg .grid { stroke: var(--faint); } svg .ideal { stroke: var(--line); stroke-width: 1.5; }
svg .curve { stroke: var(--answer); stroke-width: 2; fill: none; } svg .dot { fill: var(--answer); }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--card); border-radius: 8px; padding: .7rem; min-width: 0; }
figcaption p { margin: .2rem 0; overflow-wrap: anywhere; } figcaption b { font-size: 1.15rem; }
.truth { color: var(--answer); } .miss { color: var(--miss); } .name { font-size: .75rem; }
.steps { display: flex; gap: .4rem; height: 92px; margin-bottom: .4rem; }
.steps img { height: 100%; max-width: 32%; object-fit: contain; border-radius: 4px; background: #fff; }
.steps .glyph { image-rendering: pixelated; aspect-ratio: 1; }
figure.bare { display: flex; gap: .8rem; align-items: center; } .bare .steps { margin: 0; height: 84px; }
.bare .steps img { max-width: none; }
@media (max-width: 480px) { body { margin: 1rem auto; } th, td { padding: .25rem .35rem; font-size: .85rem; }
  .confusion td, .confusion th { padding: .2rem 0; min-width: 1.6rem; font-size: .7rem; } .interval { display: none; } }
"""
