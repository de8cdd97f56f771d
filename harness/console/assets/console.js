// Enhancements of pages that work without a script: local times, copy buttons, countdowns, keyboard
// navigation of menus, live sections, and a progress indicator.
"use strict";

// Counters start from the server's value and the time since it was received: the browser's clock
// may be wrong.
const seconds = () => performance.now() / 1000;

// ---- Times

const local = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
});

function localTime(element) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  element.title = element.textContent;
  element.textContent = local.format(at);
}

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });

// Days begin at another instant in the local time zone, so the headings of days move.
function localDays(list) {
  let before = "";
  for (const heading of list.querySelectorAll("[data-day]")) {
    const name = day.format(new Date(heading.dateTime));
    heading.textContent = name;
    heading.parentElement.hidden = name === before;
    before = name;
  }
}

// As on the server: past times rounded down, future times up.
function agoWords(age) {
  const span = Math.abs(age);
  if (span < 10) return "just now";
  const [size, unit] = span < 60 ? [1, "second"] : span < 3600 ? [60, "minute"]
    : span < 86400 ? [3600, "hour"] : [86400, "day"];
  const count = age > 0 ? Math.floor(span / size) : Math.ceil(span / size);
  const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return age > 0 ? `${words} ago` : `in ${words}`;
}

function leftWords(left) {
  const [hours, minutes, rest] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  if (hours > 0) return `in ${hours} h ${minutes} min`;
  return minutes > 0 ? `in ${minutes} min ${rest} s` : `in ${rest} s`;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// When the server's value of an element was received, as the start of its counter.
const readAt = new WeakMap();
const since = (element) => seconds() - readAt.get(element);

function tick() {
  for (const element of document.querySelectorAll("[data-age]")) {
    write(element, agoWords(Math.floor(Number(element.dataset.age) + since(element))));
  }
  for (const element of document.querySelectorAll("[data-elapsed]")) {
    const total = Number(element.dataset.total);
    const elapsed = Math.min(total, Number(element.dataset.elapsed) + since(element));
    element.querySelector(".meter__bar").setAttribute("width", Math.round(elapsed * 1000 / total));
    const label = `${Math.floor(elapsed / 60)} of ${Math.floor(total / 60)} minutes have passed`;
    if (element.getAttribute("aria-label") !== label) element.setAttribute("aria-label", label);
  }
  for (const element of document.querySelectorAll("[data-left]")) {
    const left = Math.ceil(Number(element.dataset.left) - since(element));
    const text = element.querySelector("[data-left-text]");
    element.title ||= text.textContent;
    write(text, left > 0 ? leftWords(left) : "now");
    if (left <= 0 && !element.hasAttribute("data-over")) {
      element.setAttribute("data-over", "");
      document.dispatchEvent(new CustomEvent("keysync:refresh"));
    }
  }
}

// ---- Copying

let silence;
function announce(text) {
  const region = document.getElementById("announce");
  if (!region) return;
  region.textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => { region.textContent = ""; }, 4000);
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    const text = button.parentElement.querySelector(".copy-id__text");
    if (text) getSelection().selectAllChildren(text);
    announce("Could not copy: the text is selected, copy it from there");
    return;
  }
  announce(`Copied ${button.dataset.what}`);
  button.classList.add("copied");
  const path = button.querySelector("path");
  const drawing = button.dataset.drawing ??= path.getAttribute("d");
  path.setAttribute("d", "M2.5 8.5l3.5 3.5l7.5-8");
  setTimeout(() => {
    button.classList.remove("copied");
    path.setAttribute("d", drawing);
  }, 2000);
}

// ---- Menus

const anchored = CSS.supports("position-area: block-end");

function place(menu) {
  const invoker = document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
  if (!invoker) return;
  const at = invoker.getBoundingClientRect();
  const below = at.bottom + menu.offsetHeight <= innerHeight;
  Object.assign(menu.style, {
    inset: "auto", margin: "0", position: "fixed", width: "max-content",
    top: `${below ? at.bottom : Math.max(0, at.top - menu.offsetHeight)}px`,
    left: `${Math.max(0, at.right - menu.offsetWidth)}px`,
  });
}

function menuKeys(event) {
  const menu = event.currentTarget;
  const links = [...menu.querySelectorAll("a")];
  const here = links.indexOf(document.activeElement);
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: -1 }[event.key];
  if (to === undefined || links.length === 0) return;
  event.preventDefault();
  links.at(here < 0 && event.key === "ArrowUp" ? -1 : to % links.length).focus();
}

function menu(list) {
  list.addEventListener("keydown", menuKeys);
  list.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    if (!anchored) place(list);
    list.querySelector("a")?.focus();
  });
  const invoker = document.querySelector(`[popovertarget="${CSS.escape(list.id)}"]`);
  invoker?.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    list.showPopover({ source: invoker });
  });
}

// ---- Live sections

// The last content from the server for a section, without counters. New content is compared with
// it, not with the content that the script changed.
const sent = new WeakMap();
const counting = "[data-age], [data-left], [data-elapsed]";

function essence(element) {
  const clone = element.cloneNode(true);
  for (const part of clone.querySelectorAll(counting)) {
    for (const name of ["data-age", "data-left", "data-elapsed", "aria-label"]) part.removeAttribute(name);
    part.textContent = "";
  }
  return clone.innerHTML;
}

function isChanged(field) {
  if (field instanceof HTMLSelectElement) {
    const first = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(0, first);
  }
  return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
}

// Whether a replacement would interrupt the user.
function inUse(section) {
  const selection = getSelection();
  const fields = [...section.querySelectorAll("input, select")];
  return fields.some((field) => field === document.activeElement || isChanged(field))
    || section.querySelector(":popover-open")
    || (!selection.isCollapsed && section.contains(selection.anchorNode));
}

const focusable = "a[href], button, summary, [tabindex]";
const likeness = (element) => [element.tagName, element.getAttribute("href"), element.getAttribute("aria-label")].join();

// The element of the new content that corresponds to the focused one, or undefined.
function counterpart(section, fresh) {
  const at = [...section.querySelectorAll(focusable)].indexOf(document.activeElement);
  const other = fresh.querySelectorAll(focusable)[at];
  return other && likeness(other) === likeness(document.activeElement) ? other : undefined;
}

function update(section, fresh) {
  const figures = [...section.querySelectorAll(counting)];
  const freshFigures = [...fresh.querySelectorAll(counting)];
  const now = essence(fresh);
  if (now !== sent.get(section)) {
    const focused = section.contains(document.activeElement);
    const next = focused ? counterpart(section, fresh) : undefined;
    if (inUse(section) || (focused && !next)) return;
    const note = section.querySelector(":scope > .stale");
    // Keep what the user opened.
    const opened = [...section.querySelectorAll("details")].map((details) => details.open);
    fresh.querySelectorAll("details").forEach((details, at) => { details.open = opened[at] ?? details.open; });
    section.replaceChildren(...(note ? [note] : []), ...fresh.childNodes);
    sent.set(section, now);
    enhance(section);
    next?.focus({ preventScroll: true });
    return;
  }
  figures.forEach((figure, at) => {
    for (const name of ["age", "left", "elapsed"]) {
      if (freshFigures[at]?.dataset[name] !== undefined) figure.dataset[name] = freshFigures[at].dataset[name];
    }
    if (Number(figure.dataset.left) > 0) figure.removeAttribute("data-over");
    readAt.set(figure, seconds());
  });
}

class Feed {
  constructor(url) {
    this.url = url;
    this.sections = [];
    this.asked = seconds();
    this.fresh = new Date();
  }

  get every() {
    return Math.max(1, Math.min(...this.sections.map((section) => Number(section.dataset.liveEvery) / 1000)));
  }

  add(section) {
    this.sections.push(section);
    sent.set(section, essence(section));
    if (this.note) return;
    this.note = document.createElement("p");
    this.note.className = "stale";
    this.note.setAttribute("role", "status");
    section.prepend(this.note);
  }

  async refresh() {
    if (this.running || this.ended || document.hidden) return;
    this.running = true;
    this.asked = seconds();
    try {
      const response = await fetch(this.url, {
        cache: "no-store", credentials: "same-origin", redirect: "manual",
        headers: { "x-requested-with": "live" }, signal: AbortSignal.timeout(15000),
      });
      if (response.type === "opaqueredirect" || response.status === 401) {
        this.end();
        return;
      }
      if (!response.ok) throw new Error(`status ${response.status}`);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const section of this.sections) {
        const fresh = page.getElementById(section.id);
        if (fresh) update(section, fresh);
      }
      this.fresh = new Date();
      write(this.note, "");
    } catch {
      const at = this.fresh.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
      write(this.note, `Not up to date since ${at}`);
    } finally {
      this.running = false;
    }
  }

  end() {
    this.ended = true;
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "Log in again";
    const text = document.createElement("span");
    text.append("Your session has ended. ", link);
    this.note.classList.add("notice", "notice--warning");
    this.note.replaceChildren(text);
  }
}

const feeds = new Map();

function follow(section) {
  const url = new URL(section.dataset.liveUrl, location.href);
  if (url.origin !== location.origin || !section.id) return;
  if (!feeds.has(url.href)) feeds.set(url.href, new Feed(url.href));
  feeds.get(url.href).add(section);
}

function refreshAll() {
  for (const feed of feeds.values()) feed.refresh();
}

document.addEventListener("keysync:refresh", refreshAll);
document.addEventListener("visibilitychange", refreshAll);

// ---- Progress indicator

function busy(on) {
  document.documentElement.classList.toggle("loading", on);
  const main = document.querySelector("main");
  if (on) main?.setAttribute("aria-busy", "true");
  else main?.removeAttribute("aria-busy");
  if (on) return;
  for (const button of document.querySelectorAll("button[aria-disabled]")) button.removeAttribute("aria-disabled");
}

let patience;
function leave() {
  busy(true);
  clearTimeout(patience);
  patience = setTimeout(() => busy(false), 30000);
}

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const button = event.submitter ?? event.target.querySelector("[type=submit]");
  // Not `disabled`: that would omit the button's value from the form.
  if (button) setTimeout(() => button.setAttribute("aria-disabled", "true"));
  leave();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);

  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
  leave();
});

// A page restored from the back/forward cache has no request in progress, and may be outdated.
addEventListener("pageshow", (event) => {
  busy(false);
  if (event.persisted) refreshAll();
});

// ---- Initialization of the page and of replaced sections

function enhance(root) {
  root.querySelectorAll("time[data-local]").forEach(localTime);
  root.querySelectorAll(".timeline").forEach(localDays);
  root.querySelectorAll("[data-copy]").forEach((button) => { button.hidden = false; });
  root.querySelectorAll("[data-menu]").forEach(menu);
  root.querySelectorAll(counting).forEach((element) => readAt.set(element, seconds()));
  tick();
}

document.querySelectorAll("[data-live-url]").forEach(follow);
enhance(document);
setInterval(() => {
  if (document.hidden) return;
  tick();
  for (const feed of feeds.values()) if (seconds() - feed.asked >= feed.every) feed.refresh();
}, 1000);
