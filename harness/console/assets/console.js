// Enhancements of pages that work without a script: copy buttons, keyboard navigation of menus and
// a progress indicator. Runs after the other scripts, whose functions it uses.
"use strict";

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

const boxesOf = (button) => document.getElementById(button.dataset.selectAll).elements;

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);

  const all = event.target.closest("[data-select-all]");
  if (all) for (const box of boxesOf(all)) if (box.type === "checkbox") box.checked = true;

  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.dataset.dialog) {
    event.preventDefault();
    openDialog(link);
    return;
  }
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
  root.querySelectorAll("[data-copy], [data-select-all]").forEach((button) => { button.hidden = false; });
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
