// Live sections: content that is fetched again while the page is open.
"use strict";

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

// The resources show the status of their service, which is in the live table of services.
function copyStatuses() {
  const rows = [...document.querySelectorAll("#services tbody tr")];
  const tags = new Map(rows.map((row) => [row.cells[0].textContent, row.querySelector(".tag")]));
  for (const copy of document.querySelectorAll("[data-status-of]")) {
    const tag = tags.get(copy.dataset.statusOf);
    if (tag && tag.outerHTML !== copy.innerHTML) copy.replaceChildren(tag.cloneNode(true));
  }
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
    if (this.note || section.closest(".notice")) return;
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
      copyStatuses();
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
