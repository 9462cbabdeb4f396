// Comfort only: every page says and does the same without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const REFRESH_MS = 60000;
  root.classList.add("has-js");

  const value = (cell) => {
    const text = cell ? cell.textContent.trim() : "";
    const number = parseFloat(text.replace(/,/g, "").replace("\u2212", "-").replace(/^\+/, ""));
    return text === "today" ? 0 : Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) => {
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === "number" ? -1 : 1;
  };
  const sortable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "descending" || (column === 0 && !head.hasAttribute("aria-sort"));
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "ascending" : "descending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [value(row.cells[column]), row]);
        rows.sort((a, b) => (down ? 1 : -1) * compare(a[0], b[0]));
        body.append(...rows.map((pair) => pair[1]));
      });
    });
  };
  const copies = (button) => button.addEventListener("click", async () => {
    const said = button.textContent;
    try {
      const text = document.getElementById(button.dataset.copy).textContent;
      await navigator.clipboard.writeText(text.replaceAll("](/", `](${location.origin}/`));
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
      button.textContent = "Selected; copy it with your keyboard";
    }
    setTimeout(() => { button.textContent = said; }, 2500);
  });
  const filters = (input) => input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of document.getElementById(input.dataset.filter).tBodies[0].rows) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
    }
  });
  const furnish = (part) => {
    part.querySelectorAll("table[data-sort]").forEach(sortable);
    part.querySelectorAll("[data-copy]").forEach(copies);
    part.querySelectorAll("[data-filter]").forEach(filters);
  };
  furnish(document);

  // New numbers once a minute, unless someone is in the middle of something or has turned it off.
  const toggle = document.querySelector("[data-refresh]");
  if (!toggle) return;
  let on = true;
  toggle.addEventListener("click", () => {
    on = !on;
    toggle.textContent = on ? "Pause updates" : "Resume updates";
  });
  const busy = () => {
    const main = document.getElementById("main");
    const sorted = main.querySelector("table[data-sort] [aria-sort]");
    return sorted || main.querySelector("details[open]") || main.contains(document.activeElement) || !getSelection().isCollapsed;
  };
  setInterval(async () => {
    if (!on || document.hidden || busy()) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok || busy()) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.getElementById("main").replaceChildren(...fresh.getElementById("main").childNodes);
      document.getElementById("read-at").replaceWith(fresh.getElementById("read-at"));
      furnish(document.getElementById("main"));
    } catch {
      // Offline for a moment: the next minute may be better.
    }
  }, REFRESH_MS);
})();
