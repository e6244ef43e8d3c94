// Everything here makes pages quicker or kinder; nothing here is needed to use them.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const root = document.documentElement;
  root.classList.add("js");

  // Theme: the server reads the cookie; here the page changes without loading again.
  const isDark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  function toggleTheme() {
    const theme = isDark() ? "light" : "dark";
    root.dataset.theme = theme;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    document.dispatchEvent(new CustomEvent("neurox:theme"));
  }
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-theme-form]")) {
      event.preventDefault();
      toggleTheme();
    }
  });

  // Ages tick between polls; the server's text is right at the moment it arrives.
  function words(seconds) {
    if (seconds < 60) return `${Math.round(seconds)} s`;
    if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
    if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
    return `${Math.round(seconds / 86400)} d`;
  }
  const born = new WeakMap();
  function learnAges() {
    for (const time of all("time[data-age]")) {
      const known = born.get(time);
      if (known?.tag !== time.dataset.age) {
        born.set(time, { tag: time.dataset.age, at: performance.now() - 1000 * Number(time.dataset.age) });
      }
    }
  }
  function tickAges() {
    if (document.hidden) return;
    for (const time of all("time[data-age]")) {
      const known = born.get(time);
      if (known) time.textContent = words((performance.now() - known.at) / 1000);
    }
  }

  // Polling: pauses while hidden or while someone types, backs off on errors, sends the last tag.
  let wait = 0;
  let timer;
  let tag = "";
  let tagged = "";
  const live = () => $("#live[data-poll]");
  const busy = () =>
    document.hidden || $("dialog[open]") || document.activeElement?.matches("#live input, #live select, #live textarea");
  function plan(factor = 0) {
    clearTimeout(timer);
    const period = Number(live()?.dataset.poll || 0);
    if (!period) return;
    wait = factor ? Math.min(Math.max(wait, period) * factor, 120) : period;
    timer = setTimeout(poll, wait * 1000);
  }
  function poll() {
    const element = live();
    if (!element) return;
    if (busy()) return plan();
    document.dispatchEvent(new CustomEvent("neurox:poll"));
    element.dispatchEvent(new CustomEvent("poll"));
  }
  function offline(shown) {
    const banner = $("#offline");
    if (banner) banner.hidden = !shown;
  }
  // Small parts that ask for themselves again soon, until they come without that wish.
  const isSoon = (event) => event.detail?.ctx?.sourceEvent?.type === "soon";
  setInterval(() => {
    if (!document.hidden) for (const part of all("[data-soon]")) part.dispatchEvent(new CustomEvent("soon"));
  }, 3000);
  const isPoll = (event) => event.detail?.ctx?.sourceEvent?.type === "poll";
  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (isPoll(event) && tag && tagged === ctx.request.action) ctx.request.headers["If-None-Match"] = tag;
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    const failed = ctx.response.status >= 400;
    offline(failed);
    if (isSoon(event)) return;
    tag = (ctx.response.status !== 304 && ctx.response.headers.get("ETag")) || tag;
    tagged = ctx.request.action;
    plan(failed ? 2 : 0);
  });
  document.addEventListener("htmx:error", () => {
    offline(true);
    plan(2);
  });
  document.addEventListener("htmx:after:swap", learnAges);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) poll();
  });

  // Copying. The buttons show only where this script runs.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-link]");
    if (!button) return;
    const text = button.dataset.copy ? $(button.dataset.copy).textContent : location.href;
    const said = $("span", button);
    const before = said.textContent;
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = "Copied";
    } catch {
      said.textContent = "Select and copy it";
    }
    setTimeout(() => (said.textContent = before), 2000);
  });

  // Choices in the head of a page apply at once.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-auto] select")) event.target.form.requestSubmit();
  });

  // Keys. One letter each, never while typing or with a modifier.
  let going = -Infinity;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    const entry = performance.now() - going < 1200 && $(`a[data-go="${CSS.escape(event.key)}"]`);
    going = -Infinity;
    if (entry) return entry.click();
    if (event.key === "g") going = performance.now();
    else if (event.key === "t") toggleTheme();
    else if (event.key === "r") poll();
    else if (event.key === "?") $("#keys")?.showModal();
    else if (event.key === "/") $("#search")?.focus();
    else return;
    if (event.key === "/" || event.key === "?") event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys]")) $("#keys")?.showModal();
    const menu = $("details.menu[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
  });

  learnAges();
  setInterval(tickAges, 5000);
  plan();
})();
