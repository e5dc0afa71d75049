"""The style of alert cards and of the Why page, beside the product's own (`style.py`)."""

from __future__ import annotations

ALERT_STYLE = """<style>
.m-alert.calm{border-left-color:var(--green)}.m-alert.calm .h{font-weight:500}
.m-alert .rm small{display:block;font-weight:400;font-size:.76rem;color:var(--muted)}
.m-alert .h{grid-column:1}.m-alert .rm{grid-column:2}.m-alert:has(.rm small) .rm{grid-row:1/span 2}
.m-alert:has(.rm small) .s{grid-column:1}
.m-story{border-top:1px solid var(--line);border-left:4px solid var(--muted);margin:0 -.2rem}
.m-story:first-child{border-top:0}.m-story.critical{border-left-color:var(--red)}
.m-story.warning{border-left-color:var(--orange)}.m-story.info{border-left-color:var(--blue)}
.m-story.calm{border-left-color:var(--green)}.m-story.covered{margin-left:1.1rem}
.m-story>.m-alert{border:0;margin:0 0 0 0!important;padding-left:.55rem}
.m-also{display:flex;flex-wrap:wrap;gap:.1rem 1rem;padding:0 .55rem .5rem .55rem;font-size:.84rem;
 color:var(--muted)}
.m-also a{color:var(--red);font-weight:600}.m-story.over .m-also a{color:var(--muted)}
.m a.m-alert:focus-visible,.m-also a:focus-visible,.m a.m-more:focus-visible,
.m-hour a:focus-visible{outline:2px solid var(--blue);outline-offset:1px}
.m-answer{border-left:5px solid var(--muted)}
.m-answer.alert{border-left-color:var(--red)}.m-answer.wait{border-left-color:var(--orange)}
.m-answer.calm{border-left-color:var(--green)}
.m-answer h1{overflow-wrap:anywhere}
.m-answer p{margin:.3rem 0 0;color:var(--muted);max-width:62rem}
.m-answer p.do{color:inherit}
.m-answer .m-chips{margin:.6rem 0 .5rem}.m-answer .m-links{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;
 margin-top:.5rem}
.m-sure{display:inline-grid;grid-template-columns:4.2rem auto;gap:.5rem;align-items:center;
 white-space:nowrap}
.m-sure b{height:.55rem;background:var(--raise);border-radius:2px;overflow:hidden}
.m-sure b>i{display:block;height:100%;background:var(--muted)}
.m-sure.sure b>i{background:var(--red)}.m-sure.surge b>i{background:var(--blue)}
.m-hour tr.at{background:var(--blue-bg)}.m-hour td a{color:var(--blue);font-weight:600}
.m-legend .at{background:#E69F00;opacity:.45}
@media (max-width:640px){.m-sure{grid-template-columns:2.2rem auto;white-space:normal}
 .m-answer .m-facts{gap:.35rem 1rem}}
@media (max-width:640px){.st-key-why_time button kbd{display:none}
 .st-key-why_time [class*="st-key-at_box"]{flex:1 1 8rem;min-width:0;width:8rem!important}}
</style>"""
