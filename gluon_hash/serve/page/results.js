// The grid of images: what is found, or what there is. Text is set as text, never as HTML.

const STEPS_WITH_COLOUR = 6;

function stepClass(step) {
  return step === null ? "step-none" : `step-${Math.min(step, STEPS_WITH_COLOUR - 1)}`;
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

// One item: {id, path, classes, distance?, sharing?, related?}
export function card(item, hasImages, onPick) {
  const place = element("li", item.related === undefined ? "" : stepClass(item.related.step));
  const button = element("button", "card");
  button.type = "button";
  button.tabIndex = -1;
  button.dataset.id = item.id;
  const classes = distinct(item.classes);
  const frame = element("span", "frame");
  const alt = classes[0] ?? fileName(item.path) ?? `id ${item.id}`;
  frame.append(hasImages ? imageOf(item.id, 320, alt) : element("span", "gone", `id ${item.id}`));
  const text = element("span", "text");
  if (item.distance !== undefined) {
    const line = element("span", "line");
    if (item.related !== undefined) line.append(element("span", "relation", item.related.short));
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

// How far up the tree an answer is related to `to`, the classes of the query, finest first (or
// those that the answers agree on, "" where they do not): a class that a short branch repeats is
// one step.
export function relation(level, to) {
  if (level >= to.length) return { step: null, short: "not related", long: "not related" };
  const step = distinct(to.slice(0, level + 1)).length - 1;
  const name = to[level];
  if (step === 0) return { step, short: `same ${name}`, long: `the same class: ${name}` };
  return { step, short: `also ${name}`, long: `${step} up the tree: also ${name}` };
}

export function legend(list, items) {
  const seen = new Map(items.map(({ related }) => [related.step, related.long]));
  const order = [...seen.keys()].sort((a, b) => (a ?? 99) - (b ?? 99));
  list.replaceChildren(...order.map((step) => element("li", stepClass(step), seen.get(step))));
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
