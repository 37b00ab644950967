"use strict";
(function () {
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const themes = ["system", "light", "dark"];
  const said = { system: "theme: as the system", light: "theme: light", dark: "theme: dark" };
  let current = 0;
  theme.hidden = false;
  theme.addEventListener("click", () => {
    current = (current + 1) % themes.length;
    if (current) root.dataset.theme = themes[current];
    else delete root.dataset.theme;
    theme.textContent = said[themes[current]];
  });

  const data = JSON.parse(document.getElementById("data").textContent);
  const svg = document.getElementById("points");
  if (!svg || !data.points) return;
  const SPACE = "http://www.w3.org/2000/svg";
  const detail = document.getElementById("point");
  const hues = document.getElementById("hues");
  const last = data.levels.length - 1;
  let level = last;
  let chosen = -1;

  function element(name, values, text) {
    const made = document.createElementNS(SPACE, name);
    for (const key in values) made.setAttribute(key, values[key]);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const dots = data.points.map(([x, y, radius]) => element("circle", { cx: x, cy: y, r: radius }));
  dots.forEach((dot) => svg.append(dot));
  for (const [x, y, radius, count] of data.points) {
    if (count < 2) continue;
    const size = Math.min(14, (radius * 1.9) / Math.pow(String(count).length, 0.6));
    svg.append(element("text", { x: x, y: y, class: "count", "font-size": size }, count));
  }
  const names = element("g", { "aria-hidden": "true" });
  svg.append(names);

  function at(number, k) {
    return data.levels[k].of[data.points[number][4][0][0]];
  }

  // a name in lines of about 14 letters, broken after "_" and spaces
  function inLines(name) {
    const lines = [""];
    for (const word of name.split(/(?<=[_ ])/)) {
      if (lines[lines.length - 1] && lines[lines.length - 1].length + word.length > 14) lines.push("");
      lines[lines.length - 1] += word;
    }
    return lines.map((line) => (line.length > 20 ? line.slice(0, 19) + "…" : line.trim()));
  }

  function median(values) {
    values.sort((a, b) => a - b);
    return values[values.length >> 1];
  }

  // units of the drawing for one pixel of the screen
  function unit() {
    return data.width / Math.max(svg.clientWidth, 1);
  }

  // the size of points and the names of clusters fit the screen
  function nameClusters() {
    names.replaceChildren();
    const scale = unit();
    const larger = Math.max(1, scale / 1.6);
    dots.forEach((dot, number) => dot.setAttribute("r", data.points[number][2] * larger));
    const narrow = scale > 1.7;
    const k = narrow && data.levels[level].classes.length > 12 ? last : level;
    const size = (narrow ? 10 : 11) * scale;
    const groups = new Map();
    data.points.forEach(([x, y, , count], number) => {
      const own = at(number, k);
      if (!groups.has(own)) groups.set(own, [[], []]);
      for (let i = 0; i < Math.min(count, 20); i += 1) {
        groups.get(own)[0].push(x);
        groups.get(own)[1].push(y);
      }
    });
    const limit = narrow ? 12 : 130;
    if (groups.size > limit) return;
    const placed = [];
    const ordered = [...groups].sort((a, b) => b[1][0].length - a[1][0].length);
    for (const [own, [xs, ys]] of ordered) {
      const lines = inLines(data.levels[k].classes[own]);
      const half = 0.29 * size * Math.max(...lines.map((line) => line.length));
      const tall = (size * lines.length) / 2;
      const x = Math.min(Math.max(median(xs), half + 4), data.width - half - 4);
      const start = median(ys);
      let y = start;
      for (let step = 0; step < 12; step += 1) {
        y = start + Math.ceil(step / 2) * (step % 2 ? 1 : -1) * size * 1.05;
        const free = placed.every(
          (other) =>
            Math.abs(other[0] - x) > other[2] + half || Math.abs(other[1] - y) > other[3] + tall
        );
        if (free && y > tall && y < data.height - tall) break;
      }
      placed.push([x, y, half, tall]);
      lines.forEach((line, row) => {
        const middle = y + (row - (lines.length - 1) / 2) * size;
        names.append(element("text", { x: x, y: middle, class: "name", "font-size": size }, line));
      });
    }
  }

  function paint() {
    const colours = data.levels[level].colours;
    dots.forEach((dot, number) => dot.setAttribute("fill", colours[at(number, level)]));
    hues.replaceChildren();
    const top = data.levels[last];
    const shown = data.levels[level].classes.length <= 12 ? data.levels[level] : top;
    if (shown.classes.length <= 40) {
      shown.classes.forEach((name, own) => {
        const item = document.createElement("li");
        item.textContent = name;
        item.style.setProperty("--hue", shown.colours[own]);
        hues.append(item);
      });
    }
    nameClusters();
  }

  function summary(number, k) {
    const counts = new Map();
    for (const [fine, count] of data.points[number][4]) {
      const own = data.levels[k].of[fine];
      counts.set(own, (counts.get(own) || 0) + count);
    }
    const many = counts.size > 1;
    return [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 4)
      .map(([own, count]) => data.levels[k].classes[own] + (many ? " (" + count + ")" : ""))
      .join(", ") + (counts.size > 4 ? ", and " + (counts.size - 4) + " more" : "");
  }

  function choose(number) {
    if (number === chosen || number < 0) return;
    if (chosen >= 0) dots[chosen].classList.remove("on");
    chosen = number;
    dots[number].classList.add("on");
    const count = data.points[number][3];
    detail.replaceChildren();
    if (data.sheet) {
      const picture = document.createElement("div");
      picture.className = "pic";
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", "the query" + (count > 1 ? ", one of " + count : ""));
      picture.style.backgroundImage = "url(" + data.sheet + ")";
      picture.style.backgroundSize = data.across * 100 + "% " + data.rows * 100 + "%";
      const column = number % data.across;
      const row = Math.floor(number / data.across);
      const x = (100 * column) / Math.max(data.across - 1, 1);
      const y = (100 * row) / Math.max(data.rows - 1, 1);
      picture.style.backgroundPosition = x + "% " + y + "%";
      detail.append(picture);
    }
    const list = document.createElement("dl");
    data.levels.forEach((own, k) => {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const text = document.createElement("dd");
      term.textContent = own.name;
      text.textContent = summary(number, k);
      row.append(term, text);
      list.append(row);
    });
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = count > 1 ? count + " queries share this code." : "One query has this code.";
    const text = document.createElement("div");
    text.append(list, note);
    detail.append(text);
  }

  function nearest(x, y, reach) {
    let best = -1;
    let least = reach;
    data.points.forEach(([px, py, radius], number) => {
      const far = Math.max(0, Math.hypot(px - x, py - y) - radius);
      if (far <= least) {
        least = far;
        best = number;
      }
    });
    return best;
  }

  function pointed(event, pixels) {
    const box = svg.getBoundingClientRect();
    const scale = data.width / box.width;
    choose(nearest((event.clientX - box.left) * scale, (event.clientY - box.top) * scale, pixels * scale));
  }

  svg.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse") pointed(event, 10);
  });
  svg.addEventListener("click", (event) => pointed(event, 28));
  svg.addEventListener("focus", () => {
    if (chosen < 0) choose(0);
  });

  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  svg.addEventListener("keydown", (event) => {
    const way = ways[event.key];
    if (!way && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    if (!way || chosen < 0) return choose(event.key === "End" ? dots.length - 1 : 0);
    const [x, y] = data.points[chosen];
    let best = -1;
    let least = Infinity;
    data.points.forEach(([px, py], number) => {
      const ahead = (px - x) * way[0] + (py - y) * way[1];
      const aside = Math.abs((px - x) * way[1]) + Math.abs((py - y) * way[0]);
      // a cone of 45 degrees to both sides, what is straight ahead first
      if (number !== chosen && ahead > 0 && aside <= ahead && ahead + 2 * aside < least) {
        least = ahead + 2 * aside;
        best = number;
      }
    });
    choose(best);
  });

  const choice = document.getElementById("levels");
  data.levels.forEach((own, k) => {
    const label = document.createElement("label");
    const button = document.createElement("input");
    button.type = "radio";
    button.name = "level";
    button.checked = k === level;
    button.addEventListener("change", () => {
      level = k;
      paint();
    });
    label.append(button, own.name);
    choice.append(label);
  });
  choice.hidden = data.levels.length < 2;
  window.addEventListener("resize", nameClusters);
  paint();
})();
