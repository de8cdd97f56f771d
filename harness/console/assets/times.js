// Times: instants in the local time zone, ages and countdowns.
"use strict";

// Counters start from the server's value and the time since it was received: the browser's clock
// may be wrong.
const seconds = () => performance.now() / 1000;

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

const counted = (count, unit) => `${count} ${unit}${count === 1 ? "" : "s"}`;

function withRest(total, size, unit, smallUnit) {
  const rest = total % size;
  return counted(Math.floor(total / size), unit) + (rest ? ` ${counted(rest, smallUnit)}` : "");
}

// As on the server.
function futureWords(span) {
  const minutes = span < 3600 ? Math.ceil(span / 60) : Math.round(span / 60);
  if (span < 60) return counted(span, "second");
  if (minutes < 60) return counted(minutes, "minute");
  if (minutes < 1440) return withRest(minutes, 60, "hour", "minute");
  return withRest(Math.round(span / 3600), 24, "day", "hour");
}

function agoWords(age) {
  if (Math.abs(age) < 10) return "just now";
  if (age < 0) return `in ${futureWords(-age)}`;
  const [size, unit] = age < 60 ? [1, "second"] : age < 3600 ? [60, "minute"]
    : age < 86400 ? [3600, "hour"] : [86400, "day"];
  return `${counted(Math.floor(age / size), unit)} ago`;
}

function leftWords(left) {
  const [hours, minutes, rest] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  if (hours > 0) return minutes > 0 ? `in ${hours} h ${minutes} min` : `in ${hours} h`;
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
