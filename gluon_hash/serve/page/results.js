// The grid of images: what is found, or what there is. Text is set as text, never as HTML.

const LEVELS_WITH_COLOUR = 6;

export function levelClass(level, numLevels) {
  return level >= numLevels ? "level-none" : `level-${Math.min(level, LEVELS_WITH_COLOUR - 1)}`;
}

// The classes of an image, finest first, each once: a short branch repeats its leaf.
export function distinct(classes) {
  return [...new Set(classes.filter(Boolean))];
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function imageOf(id, size, alt) {
  const image = element("img");
  image.alt = alt;
  image.loading = "lazy";
  image.decoding = "async";
  image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth <= 64));
  image.addEventListener("error", () => image.replaceWith(element("span", "gone", "no image")));
  image.src = `/items/${id}/image?size=${size}`;
  return image;
}

export function fileName(path) {
  return path === null || path === undefined ? "" : path.split("/").at(-1);
}

// One item: {id, path, classes, distance?, sharing?, level?, relation?}
export function card(item, settings, onPick) {
  const place = element("li", item.level === undefined ? "" : levelClass(item.level, settings.numLevels));
  const button = element("button", "card");
  button.type = "button";
  button.tabIndex = -1;
  button.dataset.id = item.id;
  const classes = distinct(item.classes);
  const frame = element("span", "frame");
  const alt = classes[0] ?? fileName(item.path) ?? `id ${item.id}`;
  frame.append(settings.hasImages ? imageOf(item.id, 320, alt) : element("span", "gone", `id ${item.id}`));
  const text = element("span", "text");
  if (item.distance !== undefined) {
    const line = element("span", "line");
    if (item.relation !== undefined) line.append(element("span", "relation", item.relation));
    const distance = element("span", "distance", `${item.distance} bit${item.distance === 1 ? "" : "s"}`);
    if (item.sharing > 1) distance.title = `${item.sharing.toLocaleString("en")} images are as near`;
    line.append(distance);
    text.append(line);
  }
  if (classes.length) text.append(element("div", "path-of-classes", classes.join(" › ")));
  const file = element("div", "file", item.path ? fileName(item.path) : `id ${item.id}`);
  file.title = item.path ?? "";
  text.append(file);
  button.append(frame, text);
  button.addEventListener("click", () => onPick(item));
  place.append(button);
  return place;
}

export function legend(list, answer, levelNames) {
  const { to, levels } = answer.related;
  const seen = [...new Set(levels)].sort((a, b) => a - b);
  list.replaceChildren(
    ...seen.map((level) => {
      const text = relation(level, to, levelNames);
      return element("li", levelClass(level, levelNames.length), text.long);
    }),
  );
}

// How an answer is related to `to`, the classes of the query (or those the answers agree on).
export function relation(level, to, levelNames) {
  if (level >= levelNames.length) return { short: "not related", long: "not related" };
  const name = to[level];
  if (level === 0) return { short: `same ${name}`, long: `same ${levelNames[0]}: ${name}` };
  return { short: `${name}, ${level} up`, long: `${level} up the tree: ${name} (${levelNames[level]})` };
}

// Arrow keys in a grid whose number of columns the style decides; one card can be tabbed to.
export function moveInGrid(list, key) {
  const cards = [...list.querySelectorAll(".card")];
  if (!cards.length) return false;
  const at = cards.indexOf(document.activeElement);
  const top = cards[0].offsetTop;
  const columns = cards.findIndex((each) => each.offsetTop > top + 8);
  const across = columns === -1 ? cards.length : columns;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across };
  const to = at === -1 ? 0 : at + steps[key];
  if (to < 0 || to >= cards.length) return at !== -1;
  cards.forEach((each) => (each.tabIndex = -1));
  cards[to].tabIndex = 0;
  cards[to].focus();
  return true;
}
