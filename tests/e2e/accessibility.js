// What is checked of WCAG 2.2 AA on a page as it is rendered; returns one line for each finding.
() => {
  const findings = [];
  const say = (rule, element) => findings.push(`${rule}: ${element.outerHTML.slice(0, 140)}`);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
  const hidden = (element) => element.closest("[aria-hidden=true]") !== null;
  const clipped = (element) => element.closest(".said, .hide, .skip") !== null;
  const name = (element) =>
    (element.getAttribute("aria-label") || element.textContent || element.getAttribute("title") || "").trim();

  // 1.1.1, 4.1.2: every picture, link, button and field has a name.
  for (const svg of all("svg")) if (!hidden(svg) && !svg.getAttribute("aria-label")) say("picture without a name", svg);
  for (const element of all("a[href], button, summary")) if (!hidden(element) && !name(element)) say("no name", element);
  for (const field of all("input:not([type=hidden]), select")) if (!field.labels.length) say("field without a label", field);

  // 1.3.1: headings in order, tables with heads, landmarks once.
  const levels = all("h1, h2, h3, h4").filter(shown).map((heading) => [Number(heading.tagName[1]), heading]);
  if (levels.filter(([level]) => level === 1).length !== 1) say("not one h1", document.body);
  levels.forEach(([level, heading], place) => {
    if (level > (place ? levels[place - 1][0] : 0) + 1) say("heading leaves out a level", heading);
  });
  for (const table of all("table")) {
    if (!table.tHead) say("table without heads", table);
    for (const head of table.querySelectorAll("thead th")) {
      if (head.scope !== "col") say("head without scope", head);
      if (!name(head)) say("empty head", table);
    }
    const wide = table.tHead ? table.tHead.rows[0].cells.length : 0;
    for (const row of table.tBodies[0].rows) {
      if (row.cells.length !== wide) { say("row of another length than its head", row); break; }
    }
  }
  for (const mark of ["main", "header", "footer"]) if (all(mark).length !== 1) say(`not one ${mark}`, document.body);
  for (const nav of all("nav")) if (!nav.getAttribute("aria-label")) say("nav without a name", nav);

  // 2.4.2, 3.1.1, 4.1.1.
  if (!document.title.trim()) say("no title", document.head);
  if (!document.documentElement.lang) say("no language", document.documentElement);
  const ids = all("[id]").map((element) => element.id);
  for (const element of all("[id]")) if (ids.filter((id) => id === element.id).length > 1) say("id used twice", element);

  // 1.4.3: text stands out from what is behind it, by 4.5 to 1, large text by 3 to 1.
  const parse = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const looked = new Set();
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || looked.has(element) || element.closest("svg") || !shown(element) || clipped(element)) continue;
    looked.add(element);
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const [a, b] = [luminance(parse(style.color)), luminance(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) say(`contrast ${((a + 0.05) / (b + 0.05)).toFixed(2)}`, element);
    if (size < 12) say(`text of ${size} px`, element);
  }

  // 1.4.11: what carries meaning in charts stands out by 3 to 1.
  for (const status of ["success", "failed"]) {
    const shape = document.querySelector(`.s-${status}`);
    if (!shape) continue;
    const [a, b] = [luminance(parse(getComputedStyle(shape).fill)), luminance(behind(document.body))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 3) say(`contrast of ${status}`, shape);
  }

  // 1.4.10: nothing is wider than the window, but for what scrolls by itself.
  if (document.documentElement.scrollWidth > innerWidth) say("wider than the window", document.body);

  // 2.5.8: targets are 24 px high, or have that much room to themselves.
  const targets = all("a[href], button, input:not([type=hidden]), select, summary").filter((e) => shown(e) && !hidden(e) && !clipped(e));
  const boxes = targets.map((element) => element.getBoundingClientRect());
  targets.forEach((element, place) => {
    const box = boxes[place];
    if ((box.height >= 24 && box.width >= 24) || element.closest("p, li, .apps, .cause")) return;
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const near = boxes.some((other, index) => {
      if (index === place) return false;
      const dx = Math.max(other.left - x, 0, x - other.right);
      const dy = Math.max(other.top - y, 0, y - other.bottom);
      return Math.hypot(dx, dy) < 12;
    });
    if (near) say("target too small and too close to another", element);
  });
  return findings;
}
