"use strict";

// Tables: a click on a head sorts by it (best first, then the other way round, then the order of the file). Rows without a value stay last.
const collator = new Intl.Collator("en", { numeric: true });

function valueOf(row, index) {
  const cell = row.cells[index];
  const { value, text = cell.textContent.trim() } = cell.dataset;
  if (value !== undefined) return value === "" ? null : Number(value);
  return text || null;
}

function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  return sign * (typeof a === "number" && typeof b === "number" ? a - b : collator.compare(a, b));
}

function sortBy(table, index, button) {
  const head = button.closest("th");
  const first = button.dataset.first;
  const other = first === "ascending" ? "descending" : "ascending";
  const next = { none: first, [first]: other, [other]: "none" }[head.getAttribute("aria-sort") ?? "none"];
  for (const th of table.tHead.rows[0].cells) th.removeAttribute("aria-sort");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  if (next === "none") {
    rows.sort((a, b) => a.dataset.place - b.dataset.place);
  } else {
    head.setAttribute("aria-sort", next);
    rows.sort((a, b) => compare(valueOf(a, index), valueOf(b, index), next === "ascending" ? 1 : -1));
  }
  body.append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tBodies[0].rows].forEach((row, place) => (row.dataset.place = place));
  table.tHead.querySelectorAll("th").forEach((th, index) => {
    const button = th.querySelector("button");
    button.addEventListener("click", () => sortBy(table, index, button));
  });
}

// Figures: a click shows them at full size.
const dialog = document.querySelector("dialog");
for (const button of document.querySelectorAll("button.zoom")) {
  button.addEventListener("click", () => {
    const image = button.querySelector("img");
    const large = dialog.querySelector("img");
    large.src = image.src;
    large.alt = image.alt;
    dialog.showModal();
  });
}
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

// Two rows of a figure over each other, image by image: the upper one ends at the slider.
const SHOWN = 8;

function layer(cell, rows, column, source) {
  const image = document.createElement("img");
  image.src = source;
  image.alt = "";
  image.style.width = `${(100 * rows.width_px) / rows.cell_px}%`;
  image.style.left = `${(-100 * (rows.left_px + column * (rows.cell_px + rows.gap_px))) / rows.cell_px}%`;
  const part = document.createElement("div");
  part.append(image);
  cell.append(part);
  return image;
}

for (const part of document.querySelectorAll(".compare")) {
  const rows = JSON.parse(part.dataset.rows);
  const { src } = document.querySelector(`#${CSS.escape(part.dataset.figure)} img`);
  const stage = part.querySelector(".stage");
  const layers = [[], []];
  for (let column = 0; column < Math.min(SHOWN, rows.columns); column++) {
    const cell = document.createElement("div");
    cell.className = "cell";
    layers[1].push(layer(cell, rows, column, src));
    layers[0].push(layer(cell, rows, column, src));
    cell.append(document.createElement("i"));
    stage.append(cell);
  }
  stage.style.setProperty("--all", stage.children.length);
  stage.style.setProperty("--few", Math.min(4, stage.children.length));
  part.querySelectorAll("select").forEach((select, side) => {
    rows.labels.forEach((label, row) => select.add(new Option(label, row, row === side, row === side)));
    const show = () => {
      const top = `${(-100 * select.value * (rows.cell_px + rows.gap_px)) / rows.cell_px}%`;
      for (const image of layers[side]) image.style.top = top;
    };
    select.addEventListener("change", show);
    show();
  });
  const range = part.querySelector("input");
  const slide = () => stage.style.setProperty("--at", `${range.value}%`);
  range.addEventListener("input", slide);
  slide();
  part.hidden = false;
}

// The same picture of several children: one of them at a time.
function show(group, chosen) {
  for (const button of group.querySelectorAll(":scope > .bar button")) {
    const isChosen = button.dataset.name === chosen;
    button.setAttribute("aria-selected", isChosen);
    button.tabIndex = isChosen ? 0 : -1;
  }
  for (const panel of group.querySelectorAll(":scope > .panel")) panel.hidden = panel.dataset.name !== chosen;
}

for (const group of document.querySelectorAll(".tabs")) {
  const panels = [...group.querySelectorAll(":scope > .panel")];
  const bar = document.createElement("div");
  bar.className = "bar";
  bar.setAttribute("role", "tablist");
  const buttons = panels.map((panel) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = button.dataset.name = panel.dataset.name;
    button.setAttribute("role", "tab");
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-label", panel.dataset.name);
    button.addEventListener("click", () => show(group, panel.dataset.name));
    return button;
  });
  bar.append(...buttons);
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length];
    next.focus();
    next.click();
  });
  group.prepend(bar);
  group.classList.add("live");
  show(group, panels[0].dataset.name);
}

// On a phone the contents start closed; a link into a folded part opens it; paper shows what is folded, but for full tables and further charts.
const contents = document.querySelector("nav details");
const wide = window.matchMedia("(min-width: 75rem)");
const fit = () => (contents.open = wide.matches);
fit();
wide.addEventListener("change", fit);

// A number that a link leads to says what it is: its row and head may be off the screen.
function nameCell(cell) {
  const [first, ...others] = [...cell.parentElement.cells].filter((one) => !one.matches(".number"));
  const keys = [first?.dataset.text, ...others.map((one) => one.textContent.trim())].filter(Boolean);
  const head = cell.closest("table").tHead.rows[0].cells[cell.cellIndex].querySelector("button");
  cell.dataset.what = `${keys.join(", ")}: ${head.firstChild.textContent.trim()}`;
}

function openTarget() {
  let name = location.hash.slice(1);
  try {
    name = decodeURIComponent(name);
  } catch {
    return; // no address of this page
  }
  const target = document.getElementById(name);
  if (!target) return;
  const panel = target.closest(".panel[hidden]");
  if (panel) show(panel.parentElement, panel.dataset.name);
  let isMoved = Boolean(panel);
  for (let part = target; part; part = part.parentElement) {
    if (part.tagName !== "DETAILS" || part.open) continue;
    part.open = isMoved = true;
  }
  if (target.matches("td")) nameCell(target);
  if (isMoved) target.scrollIntoView();
}
window.addEventListener("hashchange", openTarget);
for (const link of document.querySelectorAll('a[href^="#"]')) {
  // Of the place that the address names already, and that was folded again since, no change is told.
  link.addEventListener("click", () => link.hash === location.hash && openTarget());
}
openTarget();

let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("main details:not([open], .full)")];
  for (const details of opened) details.open = true;
});
window.addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
});
