"use strict";
(function () {
  const root = document.documentElement;
  root.classList.add("has-js");
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));

  // What the address names is shown: filters are taken back, closed details opened.
  function reveal() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.closest("[hidden]")) clear();
    for (let e = target; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
    target.scrollIntoView({ block: "start" });
  }

  // Filter by text, and by time.
  const search = document.getElementById("filter");
  const from = document.getElementById("time-from");
  const to = document.getElementById("time-to");
  const shown = document.getElementById("shown");
  const items = all("[data-from]").map((e) => ({
    e, from: Number(e.dataset.from), to: Number(e.dataset.to), text: (e.dataset.text || "").toLowerCase(),
  }));
  function apply() {
    const words = search ? search.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    const low = from ? Math.min(from.value, to.value) : 0;
    const high = from ? Math.max(from.value, to.value) : 1000;
    let cards = 0, visible = 0;
    for (const item of items) {
      const inTime = item.to >= low && item.from <= high;
      const hide = !(inTime && words.every((word) => item.text.includes(word)));
      item.e.hidden = hide;
      if (item.e.classList.contains("card")) { cards += 1; if (!hide) visible += 1; }
    }
    if (shown) shown.textContent = visible === cards ? "" : visible + " of " + cards + " cards shown";
  }
  function clear() {
    if (search) search.value = "";
    if (from) { from.value = 0; to.value = 1000; }
    apply();
  }
  for (const input of [search, from, to]) if (input) input.addEventListener("input", apply);
  const reset = document.getElementById("reset");
  if (reset) reset.addEventListener("click", clear);

  // Among the links of one drawing the arrow keys go on.
  document.addEventListener("keydown", (event) => {
    const link = event.target.closest && event.target.closest("svg a");
    if (!link) return;
    const links = all("a", link.closest("svg"));
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    let next = null;
    if (step) next = links[links.indexOf(link) + step];
    else if (event.key === "Home") next = links[0];
    else if (event.key === "End") next = links[links.length - 1];
    if (next) {
      event.preventDefault();
      link.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    }
  });

  // What a part of a drawing says, at once under the pointer and on focus.
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.appendChild(tip);
  function say(target, x, y) {
    const part = target.closest && target.closest("svg a, svg g");
    const title = part && part.querySelector(":scope > title");
    tip.hidden = !title;
    if (!title) return;
    tip.textContent = title.textContent;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(x + 12, innerWidth - box.width - 8)) + "px";
    tip.style.top = (y + 18 + box.height > innerHeight ? y - box.height - 10 : y + 18) + "px";
  }
  document.addEventListener("pointermove", (event) => say(event.target, event.clientX, event.clientY));
  document.addEventListener("focusin", (event) => {
    const box = event.target.getBoundingClientRect();
    say(event.target, box.left + box.width / 2, box.top + Math.min(box.height, 20));
  });

  // Zoom into a drawing.
  for (const figure of all(".figure[data-zoom]")) {
    const svg = figure.querySelector("svg");
    const whole = svg.getAttribute("viewBox").split(" ").map(Number);
    let view = whole.slice();
    const set = () => svg.setAttribute("viewBox", view.join(" "));
    const zoom = (factor, cx, cy) => {
      const width = Math.min(whole[2], Math.max(whole[2] / 64, view[2] * factor));
      const height = width * whole[3] / whole[2];
      const px = (cx - view[0]) / view[2], py = (cy - view[1]) / view[3];
      view = [cx - px * width, cy - py * height, width, height];
      view[0] = Math.max(0, Math.min(view[0], whole[2] - width));
      view[1] = Math.max(0, Math.min(view[1], whole[3] - height));
      set();
    };
    const middle = (factor) => zoom(factor, view[0] + view[2] / 2, view[1] + view[3] / 2);
    const actions = { in: () => middle(0.5), out: () => middle(2), whole: () => { view = whole.slice(); set(); } };
    for (const button of all("button", figure)) button.addEventListener("click", actions[button.dataset.do]);
    const place = (event) => {
      const box = svg.getBoundingClientRect();
      return [view[0] + (event.clientX - box.left) / box.width * view[2], view[1] + (event.clientY - box.top) / box.height * view[3]];
    };
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const [x, y] = place(event);
      zoom(event.deltaY < 0 ? 0.8 : 1.25, x, y);
    }, { passive: false });
    let drag = null;
    svg.addEventListener("pointerdown", (event) => { if (view[2] < whole[2]) drag = [event.clientX, event.clientY]; });
    addEventListener("pointerup", () => { drag = null; });
    svg.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const box = svg.getBoundingClientRect();
      view[0] = Math.max(0, Math.min(view[0] - (event.clientX - drag[0]) / box.width * view[2], whole[2] - view[2]));
      view[1] = Math.max(0, Math.min(view[1] - (event.clientY - drag[1]) / box.height * view[3], whole[3] - view[3]));
      drag = [event.clientX, event.clientY];
      set();
    });
  }

  // Copy a command.
  for (const button of all("button[data-copy]")) {
    button.addEventListener("click", () => {
      const code = button.parentElement.querySelector("code");
      const done = () => { button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
      const select = () => { getSelection().selectAllChildren(code); if (document.execCommand("copy")) done(); };
      if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(done, select); else select();
    });
  }

  addEventListener("hashchange", reveal);
  if (location.hash) reveal();
})();
