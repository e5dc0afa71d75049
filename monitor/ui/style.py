"""The style sheet of the product's own cards and tables, and of a page that never fades.

Colours with a meaning are Okabe-Ito (safe for colour-blind readers), each with a symbol or a word
beside it. `light-dark()` follows the theme that Streamlit sets as `color-scheme`.
"""

from __future__ import annotations

# Served by us: the named icons of Streamlit come from the internet.
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
    '<rect width="16" height="16" rx="3" '
    'fill="#0064A4"/><path d="M3 12V8h2v4zm4 0V4h2v8zm4 0V9.5h2V12z" fill="#fff"/></svg>'
)
STYLE = """<style>
:root{
 --blue:light-dark(#0064A4,#5DB8EC);--orange:light-dark(#8F5A00,#E9A71E);
 --red:light-dark(#B84600,#FF8A4C);--green:light-dark(#00704F,#3FC79C);
 --panel:light-dark(#FFFFFF,#161D24);--raise:light-dark(#F4F5F3,#1E272F);
 --line:light-dark(#DCE0DD,#2B3640);--muted:light-dark(#57636C,#9AA7B1);
 --red-bg:light-dark(#FCEDE3,#3A2115);--orange-bg:light-dark(#FBF2DD,#33280F);
 --blue-bg:light-dark(#E4F0F8,#12293A);
}
/* a refresh is not an event: nothing fades, nothing spins */
[data-stale="true"]{opacity:1!important;transition:none!important}
[data-testid="stStatusWidget"]{visibility:hidden}
/* Streamlit marks a focused link of the navigation as it marks the current page: not to be told apart */
[data-testid="stTopNavLink"]:focus-visible,
[data-testid="stBaseButton-elementToolbar"]:focus-visible{outline:2px solid var(--blue)!important;
 outline-offset:1px}
[data-testid="stMainBlockContainer"]{max-width:1720px;padding-left:clamp(.7rem,2vw,2rem);
 padding-right:clamp(.7rem,2vw,2rem)}
[data-testid="stMainBlockContainer"] [data-testid="stVerticalBlock"]{gap:.65rem}
.m{font-variant-numeric:tabular-nums;line-height:1.35;display:grid;gap:.65rem}
.m>*{min-width:0}
.m a{color:inherit;text-decoration:none}
.m a.m-more{color:var(--blue);font-weight:600}
.m a:hover,.m a:focus-visible{text-decoration:underline;text-underline-offset:2px}
.m h1,.m h2,.m h3{all:unset;display:block;font-weight:650}
.m h1{font-size:1.35rem;line-height:1.3}
.m h2{font-size:.86rem;letter-spacing:.01em}
.m dl,.m ul.m-list{padding:0;margin:0}.m dd{margin:0}
.m-muted{color:var(--muted)}
.m-unknown{color:var(--muted);cursor:help}
.up{color:var(--blue)}.down{color:var(--red)}.flat,.unknown{color:var(--muted)}

.m-head{display:flex;flex-wrap:wrap;gap:.3rem 1rem;align-items:center;min-height:2.5rem}
.m-head .m-fresh{margin-left:auto;color:var(--muted);font-size:.88rem}
.st-key-chart{background:var(--panel);border:1px solid var(--line);border-radius:8px;
 padding:.6rem .9rem .3rem}
.m-chip{display:inline-flex;gap:.35em;align-items:baseline;font-size:.8rem;font-weight:600;
 white-space:nowrap;padding:.08em .5em;border-radius:4px;background:var(--raise);color:var(--muted)}
.m-chip i{font-style:normal}
.m-chip.red,.m-chip.critical,.m-chip.breach{background:var(--red-bg);color:var(--red)}
.m-chip.orange,.m-chip.warning,.m-chip.band{background:var(--orange-bg);color:var(--orange)}
.m-chip.blue,.m-chip.info,.m-chip.surge{background:var(--blue-bg);color:var(--blue)}
.m-chip.plain{background:none;padding:0}
.m-chip.live{background:var(--blue);color:light-dark(#fff,#06121A);letter-spacing:.05em}

.m-banner{display:flex;flex-wrap:wrap;gap:.1rem .6rem;padding:.45rem .8rem;border-radius:6px;
 border-left:4px solid var(--muted);background:var(--raise);font-size:.92rem}
.m-banner.late{border-color:var(--orange);background:var(--orange-bg)}
.m-banner.bad{border-color:var(--red);background:var(--red-bg);font-size:1rem}
.m-banner.demo{border-color:var(--blue);background:var(--blue-bg);padding:.2rem .8rem;
 font-size:.85rem}

.m-panel{background:var(--panel);border:1px solid var(--line);border-radius:8px;
 padding:.7rem .9rem .8rem}
.m-panel>header{display:flex;flex-wrap:wrap;gap:.2rem .8rem;align-items:baseline;
 margin-bottom:.5rem}
.m-aside{margin-left:auto;color:var(--muted);font-size:.8rem}
.m-two{display:grid;gap:.65rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,29rem),1fr))}
.m-top{display:grid;gap:.65rem;
 grid-template:"pace risk" auto "figs risk" 1fr/minmax(0,1.25fr) minmax(0,1fr)}
.m-top>.m-pace{grid-area:pace}.m-top>.m-wrong{grid-area:risk}.m-top>.m-total{grid-area:figs}
.m-total{display:grid;gap:.3rem;align-content:start}
@media (max-width:1000px){.m-top{grid-template:"pace" auto "risk" auto "figs" auto/minmax(0,1fr)}}

.m-verdict{font-size:1.5rem;font-weight:650;line-height:1.2;display:flex;flex-wrap:wrap;gap:0 .5rem;
 align-items:baseline}
.m-verdict small{font-size:.95rem;font-weight:400;color:var(--muted)}
.m-bar{position:relative;height:1.5rem;margin:1.55rem 0 1.6rem;background:var(--raise);
 border-radius:4px}
.m-bar>*{position:absolute;top:0;bottom:0}
.m-bar .fill{left:0;background:var(--blue);border-radius:4px 0 0 4px}
.m-bar .range{background:repeating-linear-gradient(135deg,var(--blue) 0 2px,transparent 2px 7px);
 opacity:.55}
.m-bar .goal{border-left:2px solid currentColor}
.m-bar .due{border-left:3px solid var(--orange);top:-.35rem;bottom:-.35rem}
.m-bar .tag{top:auto;bottom:100%;margin-bottom:.32rem;font-size:.76rem;white-space:nowrap;
 color:var(--muted);
 transform:translateX(-50%)}
.m-bar .tag.under{bottom:auto;top:100%;margin:.32rem 0 0}
.m-bar .tag.left{transform:translateX(-100%)}
.m-bar .tag.right{transform:none}
.m-facts{display:flex;flex-wrap:wrap;gap:.35rem 1.6rem}
.m-facts div{display:grid;align-content:start}
.m-facts .due dt::before{content:'';display:inline-block;width:3px;height:.75em;
 background:var(--orange);
 margin-right:.4em}
.m-facts dt,.m-fig dt{font-size:.78rem;color:var(--muted);font-weight:400}
.m-facts dd{margin:0;font-weight:600;font-size:1.02rem}
.m-facts dd small{font-weight:400;color:var(--muted);font-size:.8rem}

.m-figs{display:grid;gap:.65rem;grid-template-columns:repeat(5,minmax(0,1fr))}
@media (max-width:640px){.m-figs{grid-template-columns:1fr 1fr}
 /* no room on a phone: the shading stays, its labels would cover each other */
 .plan_labels_marks,.phase_labels_marks{display:none}}
.m .m-fig{background:var(--panel);border:1px solid var(--line);border-radius:8px;
 padding:.5rem .7rem .45rem;margin:0;min-width:0}
.m-fig dd{margin:0}
.m-fig .v{font-size:clamp(1.2rem,1.75vw,1.7rem);font-weight:650;line-height:1.2;white-space:nowrap}
.m-fig .c{font-size:.88rem;font-weight:600;white-space:nowrap}
.m-fig .a,.m-asof{font-size:.76rem;color:var(--muted)}
.is-stale .v,.is-stale .m-verdict,.is-stale .m-bar,.is-stale .m-facts dd,.is-stale .num,
.is-stale .m-share,.is-stale .m-risk,.is-stale .c{color:var(--muted)!important;filter:grayscale(1);
 opacity:.7}
.is-stale .a,.is-stale .m-asof{color:var(--orange);font-weight:650}

.m-alerts{display:grid}
.m-alert{display:grid!important;grid-template-columns:1fr auto;gap:.05rem .8rem;
 padding:.45rem .55rem;
 border-left:4px solid var(--muted);border-top:1px solid var(--line);margin:0 -.2rem}
.m-alert:first-child{border-top:0}
.m-alert:hover{background:var(--raise);text-decoration:none!important}
.m-alert.critical{border-left-color:var(--red)}.m-alert.warning{border-left-color:var(--orange)}
.m-alert.info{border-left-color:var(--blue)}
.m-alert .h{font-weight:600;font-size:.96rem;overflow-wrap:anywhere}
.m-alert .rm{font-weight:650;text-align:right;white-space:nowrap}
.m-alert .s{grid-column:1/-1;font-size:.8rem;color:var(--muted);display:flex;flex-wrap:wrap;
 gap:.1rem .7rem}
.m-alert.over{opacity:.75}.m-alert.covered{margin-left:1.1rem}
.m-risk{font-size:1.5rem;font-weight:650;line-height:1.2;margin-bottom:.4rem}
.m-back{margin-bottom:-.2rem}.m-chips{display:flex;flex-wrap:wrap;gap:.3rem;margin:.5rem 0 .8rem}
.m-sub{margin:.8rem 0 .3rem!important;color:var(--muted)}
.m-big dd{font-size:1.25rem}.m-big{margin-bottom:.4rem!important}
.m-risk small{font-size:.88rem;font-weight:400;color:var(--muted)}

.m-scroll{overflow-x:auto}.m-board{max-width:72rem}
.m-table{width:100%;border-collapse:collapse;font-size:.92rem;border:0!important;margin:0}
.m-table th{font-size:.76rem;font-weight:500;color:var(--muted);text-align:left;
 padding:.25rem .5rem;
 border:0;border-bottom:1px solid var(--line);white-space:nowrap}
.m-table td{padding:.3rem .5rem;border:0;border-bottom:1px solid var(--line);vertical-align:middle}
.m-table tr:last-child td{border-bottom:0}
.m-table tbody tr:hover{background:var(--raise)}
.m-table .num{text-align:right;white-space:nowrap}
.m-table .key{font-weight:600;overflow-wrap:anywhere;min-width:7.5rem}
.m-table .key small{display:block;font-weight:400;color:var(--muted);font-size:.78rem}
.m-table .any{overflow-wrap:anywhere;min-width:7rem}
.m-share{display:flex;gap:.5rem;align-items:center;justify-content:flex-end;min-width:6.5rem}
.m-share b{flex:1;height:.5rem;background:var(--raise);border-radius:2px;overflow:hidden;
 font-weight:400}
.m-share b>i{display:block;height:100%;background:var(--blue);opacity:.75}
.m-spark{display:inline-flex;align-items:flex-end;gap:1px;height:1.35rem;width:6rem}
.m-spark i{flex:1;background:var(--blue);opacity:.6;min-height:1px}
.m-spark i.breach{background:var(--red);opacity:1}.m-spark i.none{background:var(--line)}
@media (max-width:640px){.m-table .wide,.m-bar .tag{display:none}.m .m-bar{margin:.7rem 0 .9rem}
 .m-facts{display:grid;grid-template-columns:1fr 1fr}.m-facts dd small{display:block}
 .m-table td,.m-table th{padding:.3rem .35rem}
 .m-verdict,.m-risk{font-size:1.25rem}.m-fig .v{font-size:1.3rem}.m-head .m-fresh{margin-left:0}
 .m-share{min-width:4.5rem}.m-panel{padding:.6rem .7rem}}

.m-legend{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;font-size:.8rem;color:var(--muted)}
.m-legend b{color:light-dark(#1B232B,#E6EBEF);font-weight:650;font-size:.86rem}
.m-legend i{display:inline-block;width:1rem;height:.6rem;margin-right:.4em;vertical-align:baseline;
 font-style:normal}
.m-legend .bars{background:light-dark(#2F86BF,#3F8FC4)}
 .m-legend .range{background:light-dark(#1B232B,#E6EBEF);opacity:.16}
.m-legend .line{border-top:2px dashed currentColor;height:.22rem}
.m-legend .thin{border-top:2px solid light-dark(#A85C8B,#D992BB);height:.22rem}
.m-legend .dip{color:var(--red);width:auto;height:auto}
.m-empty{display:grid;gap:.15rem;padding:1.1rem .9rem;border:1px dashed var(--line);
 border-radius:8px;color:var(--muted)}
.m-empty b{color:inherit;font-weight:650;font-size:1.02rem}
.m-list{display:grid;gap:.25rem;margin:0;padding:0;list-style:none}

.m-verdicts{border-left:4px solid var(--muted)}.m-verdicts p{margin:.2rem 0;overflow-wrap:anywhere}
.m-verdicts.blue{border-left-color:var(--blue)}.m-verdicts.red{border-left-color:var(--red)}
.m-verdicts.orange{border-left-color:var(--orange)}
.m-verdicts h2,.m-batch b{overflow-wrap:anywhere}
.m-verdicts .m-chips{margin:.35rem 0 .3rem;align-items:baseline}
.m-panel .m-chips .m-chip{white-space:normal;overflow-wrap:anywhere}
.m-warned{margin-top:.4rem!important}
.m details>summary{cursor:pointer;color:var(--blue);font-weight:600;font-size:.88rem}
.m details>summary:focus-visible{outline:2px solid var(--blue);outline-offset:2px}
.m-sample .m-table{width:auto;min-width:100%;font-size:.86rem}
.m-sample .m-table td{max-width:15rem;vertical-align:top}
.m-sample .m-table th{max-width:13rem;overflow:hidden;text-overflow:ellipsis}
.m-fault{border:1px solid var(--red);border-left-width:4px;border-radius:4px;padding:.1rem .4rem;
 background:var(--red-bg);min-width:7rem}
.m-fault b{color:var(--red)}.m-fault small{display:block;font-size:.78rem}
.m-off{color:var(--orange);font-size:.9rem;font-weight:600}.m-off.m-muted{color:var(--muted);
 font-weight:400}
[data-testid="stFileUploaderDropzone"]{min-height:5.5rem;align-items:center;
 border:2px dashed var(--line)}
[data-testid="stLayoutWrapper"]:has(>[class*="st-key-import_b_"]),
[data-testid="stLayoutWrapper"]:has(>[class*="st-key-import_l_"]){min-width:min(100%,17rem)}
.m-batch{gap:.1rem;padding:.35rem 0;font-size:.92rem}
.st-key-import_list,.st-key-import_learned{background:var(--panel);border:1px solid var(--line);
 border-radius:8px;padding:.7rem .9rem .8rem}
.st-key-import_confirm{border-left:4px solid var(--orange);background:var(--orange-bg);
 border-radius:6px;padding:.5rem .8rem}
</style>"""

# Links to the product's own pages change page as its navigation does, in the same session. Without
# this (or when a key for a new tab is held) they are ordinary links, and load the page anew.
SOFT_LINKS = """<script>
if (!window.__soft) {
  window.__soft = true;
  document.addEventListener("click", (event) => {
    const to = event.target.closest && event.target.closest("a[data-soft]");
    const held = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!to || event.button || held) return;
    event.preventDefault();
    history.pushState({}, "", to.href);
    dispatchEvent(new PopStateEvent("popstate"));
    document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
  });
}
</script>"""
