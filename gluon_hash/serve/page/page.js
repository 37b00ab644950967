// What is asked (an image, an item, nothing: browsing) is in the address, so that Back goes back.
import { card, distinct, fileName, imageOf, legend, moveInGrid, relation } from "/page/results.js";
import { Tree } from "/page/tree.js";

const $ = (id) => document.getElementById(id);
const PAGE = 60;
const uploads = new Map(); // code -> {url, name}: the images that were dropped here
let collection;
let state = { id: null, code: null, within: null };
let running = 0;

const tree = new Tree($("tree"), $("find"), (within) => go({ within }));

async function ask(path, options) {
  const response = await fetch(path, options).catch(() => {
    throw new Error("The service does not answer; is it still running?");
  });
  const value = await response.json().catch(() => ({ error: response.statusText }));
  if (!response.ok) throw new Error(value.error ?? response.statusText);
  return value;
}

function fail(error) {
  $("error").textContent = error.message;
  $("error").hidden = false;
  $("results").classList.remove("waiting");
  $("status").textContent = "";
}

// The address: #id=7&within=coarse%3Dbird
function toAddress({ id, code, within }) {
  const parts = new URLSearchParams();
  if (id !== null) parts.set("id", id);
  if (code !== null) parts.set("code", code);
  if (within !== null) parts.set("within", within);
  return `#${parts}`;
}

function fromAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  return { id: parts.get("id"), code: parts.get("code"), within: parts.get("within") };
}

function go(change) {
  state = { ...state, ...change };
  history.pushState(null, "", toAddress(state));
  show();
}

async function show() {
  const mine = ++running;
  $("error").hidden = true;
  $("results").classList.add("waiting");
  tree.choose(state.within);
  drawWhere();
  try {
    const draw = state.id === null && state.code === null ? await browse() : await search();
    if (mine === running) draw();
  } catch (error) {
    if (mine === running) fail(error);
  } finally {
    if (mine === running) $("results").classList.remove("waiting");
  }
}

async function browse(offset = 0) {
  const options = new URLSearchParams({ offset, limit: PAGE });
  if (state.within !== null) options.set("within", state.within);
  const page = collection.can_be_listed ? await ask(`/items?${options}`) : { total: 0, items: [] };
  return () => {
    drawAsked(null);
    fill(page.items, offset > 0);
    const shown = offset + page.items.length;
    $("status").textContent = collection.can_be_listed
      ? `${page.total.toLocaleString("en")} images; choose one to see what is near it`
      : "Drop an image to search; this collection cannot be listed";
    $("more").hidden = shown >= page.total;
    $("more").onclick = async () => {
      try {
        (await browse(shown))();
      } catch (error) {
        fail(error);
      }
    };
    $("count-label").hidden = true;
  };
}

async function search() {
  const options = new URLSearchParams({ k: Math.min($("count").value, collection.num_codes) });
  if (state.within !== null) options.set("within", state.within);
  if (collection.level_names.length) options.set("zoom", "true");
  const question = state.id !== null ? { id: Number(state.id) } : { code: state.code };
  const answer = await ask(`/search?${options}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(question),
  });
  const item = state.id === null ? null : await ask(`/items/${Number(state.id)}`);
  return () => {
    drawAsked(answer, item);
    const items = itemsOf(answer);
    fill(items, false);
    const among = tree.node(state.within)?.count ?? collection.num_codes;
    $("status").textContent = answer.ids.length
      ? `The nearest ${answer.ids.length} of ${among.toLocaleString("en")}, ` +
        `up to ${answer.distances.at(-1)} of ${collection.num_bits} bits away`
      : "Nothing else is in this branch";
    $("legend").hidden = !items[0]?.related;
    if (items[0]?.related) legend($("legend"), items);
    $("more").hidden = true;
    $("count-label").hidden = false;
  };
}

function itemsOf(answer) {
  const names = collection.level_names;
  const related = answer.related?.to.some(Boolean) ? answer.related : null;
  return answer.ids.map((id, place) => ({
    id,
    distance: answer.distances[place],
    sharing: answer.sharing[place],
    path: answer.paths?.[place] ?? null,
    classes: names.map((name) => answer.classes[name][place]),
    ...(related && { related: relation(related.levels[place], related.to) }),
  }));
}

function fill(items, append) {
  const pick = (item) => go({ id: String(item.id), code: null });
  const cards = items.map((item) => card(item, collection.has_images, pick));
  if (append) $("results").append(...cards);
  else $("results").replaceChildren(...cards);
  const first = $("results").querySelector(".card");
  if (first && !$("results").querySelector('.card[tabindex="0"]')) first.tabIndex = 0;
}

// The query and the branches it is in: "finch → bird → animal", each a filter.
function drawAsked(answer, item) {
  $("asked").hidden = $("zoom").hidden = answer === null;
  document.title = "Nearest images";
  if (answer === null) {
    $("legend").hidden = true;
    return;
  }
  const upload = uploads.get(state.code);
  const image = item ? imageOf(item.id, 320, "") : new Image();
  image.id = "asked-image";
  image.alt = "The image that is searched for";
  if (!item && upload) image.src = upload.url;
  $("asked-image").replaceWith(image);
  image.hidden = item ? !collection.has_images : !upload;
  const name = item ? (item.path ? fileName(item.path) : `id ${item.id}`) : upload?.name ?? "An image";
  $("asked-name").textContent = name;
  document.title = `Near ${name}`;
  $("asked-says").textContent = item ? distinct(item.classes).join(" › ") : `code ${state.code}`;
  drawBranches(answer);
}

function drawBranches(answer) {
  const to = answer.related?.to ?? [];
  const known = to.some(Boolean);
  $("zoom").hidden = !answer.related;
  $("zoom-title").textContent = !known
    ? "The answers agree on no class"
    : answer.related.by === "agreement" ? "Most answers agree on" : "Its classes: zoom out";
  const votes = new Map((answer.zoom?.branches ?? []).map((vote) => [`${vote.level}=${vote.class}`, vote]));
  const shown = new Set();
  const chips = [];
  to.forEach((name, level) => {
    if (!name || shown.has(name)) return;
    shown.add(name);
    const text = `${collection.level_names[level]}=${name}`;
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "chip";
    chip.textContent = name;
    const chosen = state.within !== null && tree.node(state.within) === tree.node(text);
    chip.setAttribute("aria-pressed", String(chosen));
    const vote = votes.get(text);
    if (vote) {
      const count = document.createElement("small");
      count.textContent = ` ${vote.votes} of ${answer.zoom.answers}`;
      chip.append(count);
    }
    chip.title = `Search inside ${name} alone`;
    chip.addEventListener("click", () => go({ within: chosen ? null : text }));
    const place = document.createElement("li");
    place.append(chip);
    chips.push(place);
  });
  $("branches").replaceChildren(...chips);
}

// The branch that is shown: Everything / animal / bird, and the way out of it.
function drawWhere() {
  const nodes = [];
  for (let node = tree.node(state.within); node; node = node.parent) nodes.unshift(node);
  const parts = [{ name: "Everything", text: null }, ...nodes];
  const list = [];
  parts.forEach((part, place) => {
    if (place) list.push(Object.assign(document.createElement("span"), { className: "sep", textContent: "›" }));
    const last = place === parts.length - 1;
    const made = document.createElement(last ? "b" : "button");
    made.textContent = part.name;
    if (!last) made.addEventListener("click", () => go({ within: part.text }));
    list.push(made);
  });
  if (state.within !== null) {
    const out = document.createElement("button");
    out.className = "out";
    out.textContent = "Zoom out";
    out.addEventListener("click", zoomOut);
    list.push(out);
  }
  $("where").replaceChildren(...list);
}

function zoomOut() {
  if (state.within !== null) go({ within: tree.node(state.within)?.parent?.text ?? null });
}

async function upload(file) {
  if (!file) return;
  if (!collection.encodes_images) return fail(new Error("This service has no model, so it takes no images"));
  $("error").hidden = true;
  $("status").textContent = `Encoding ${file.name}…`;
  const mine = ++running;
  try {
    const code = await ask("/encode", {
      method: "POST",
      headers: { "Content-Type": "application/octet-stream" },
      body: file,
    });
    uploads.set(code.hex, { url: URL.createObjectURL(file), name: file.name });
    if (mine === running) go({ id: null, code: code.hex, within: null });
  } catch (error) {
    if (mine === running) fail(new Error(`${file.name}: ${error.message}`));
  }
}

function listen() {
  $("file").addEventListener("change", () => {
    upload($("file").files[0]);
    $("file").value = "";
  });
  $("home").addEventListener("click", () => go({ id: null, code: null, within: null }));
  $("clear").addEventListener("click", () => go({ id: null, code: null }));
  $("count").addEventListener("change", show);
  window.addEventListener("popstate", () => {
    state = fromAddress();
    show();
  });
  for (const type of ["dragenter", "dragover"]) {
    window.addEventListener(type, (event) => {
      event.preventDefault();
      document.body.classList.add("dragging");
    });
  }
  for (const type of ["dragleave", "drop"]) {
    window.addEventListener(type, (event) => {
      event.preventDefault();
      document.body.classList.remove("dragging");
      if (type === "drop") upload(event.dataTransfer.files[0]);
    });
  }
  window.addEventListener("paste", (event) => upload(event.clipboardData.files[0]));
  window.addEventListener("keydown", pressed);
}

function pressed(event) {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    if (typing && $("find").value) {
      $("find").value = "";
      tree.draw();
    } else if (state.id !== null || state.code !== null) go({ id: null, code: null });
    $("find").blur();
  } else if (typing) return;
  else if (event.key === "/" && !$("classes").hidden) {
    event.preventDefault();
    $("classes").open = true;
    $("find").focus();
  } else if (event.key === "-") zoomOut();
  else if (event.key.startsWith("Arrow") && moveInGrid($("results"), event.key)) event.preventDefault();
}

async function start() {
  listen();
  try {
    collection = await ask("/collection");
    const count = collection.num_codes.toLocaleString("en");
    $("about").textContent = `${count} images, codes of ${collection.num_bits} bits`;
    $("drop").hidden = !collection.encodes_images;
    if (collection.level_names.length && collection.can_be_listed) {
      tree.fill(await ask("/tree"));
      $("classes").hidden = false;
      $("classes").open = window.matchMedia("(min-width: 761px)").matches;
    }
    state = fromAddress();
    await show();
  } catch (error) {
    fail(error);
  }
}

start();
