// Dialogs: the content of another page, over the page with the link.
"use strict";

async function contentOf(url) {
  try {
    const response = await fetch(url, { cache: "no-store", credentials: "same-origin", redirect: "manual" });
    if (!response.ok) return null;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return page.querySelector("[data-dialog-content]");
  } catch {
    return null;
  }
}

async function openDialog(link) {
  const content = await contentOf(link.href);
  // The page itself explains the problem.
  if (!content) {
    location.assign(link.href);
    return;
  }
  // A link in a menu is hidden once the dialog has closed the menu.
  const list = link.closest("[popover]");
  const invoker = list ? document.querySelector(`[popovertarget="${CSS.escape(list.id)}"]`) : link;
  const dialog = document.createElement("dialog");
  dialog.className = `dialog dialog--${link.dataset.dialog}`;
  const heading = content.querySelector("h2");
  heading.id = "dialog-heading";
  dialog.setAttribute("aria-labelledby", heading.id);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "icon-button dialog__close";
  close.setAttribute("aria-label", "Close");
  close.textContent = "✕";
  dialog.append(close, content);
  document.body.append(dialog);
  enhance(dialog);
  dialog.addEventListener("click", (event) => {
    const closing = event.target.closest(".dialog__close, [data-dialog-cancel]");
    if (!closing && event.target !== dialog) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    invoker.focus();
  });
  dialog.showModal();
  const first = dialog.querySelector("[autofocus]") ?? dialog.querySelector("input:not([type=hidden]), .button");
  first?.focus();
}
