// The classes as a tree that filters: what is chosen is a branch, null for everything.

const MOST_FOUND = 60;

export function branchText(levelNames, node) {
  return `${levelNames[node.level]}=${node.name}`;
}

// A branch that goes on as one class of the same name (a short one, completed) is shown once.
function collapsed(node) {
  const chain = [node];
  while (chain.at(-1).children.length === 1 && chain.at(-1).children[0].name === node.name) {
    chain.push(chain.at(-1).children[0]);
  }
  return { ...node, chain, children: chain.at(-1).children.map(collapsed) };
}

export class Tree {
  constructor(list, find, onChoose) {
    this.list = list;
    this.find = find;
    this.onChoose = onChoose;
    this.opened = new Set();
    list.addEventListener("click", (event) => this.clicked(event));
    list.addEventListener("keydown", (event) => this.pressed(event));
    find.addEventListener("input", () => this.draw());
    find.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "Enter") {
        event.preventDefault();
        this.items()[0]?.focus();
        if (event.key === "Enter") this.items()[0]?.querySelector(".name").click();
      }
    });
  }

  fill(tree) {
    this.levelNames = tree.level_names;
    this.roots = tree.children.map(collapsed);
    this.nodes = [];
    this.byText = new Map(); // the levels of a chain have one node
    const add = (node, parent) => {
      node.parent = parent;
      node.text = branchText(this.levelNames, node);
      this.nodes.push(node);
      node.chain.forEach((each) => this.byText.set(branchText(this.levelNames, each), node));
      node.children.forEach((child) => add(child, node));
    };
    this.roots.forEach((node) => add(node, null));
    if (this.nodes.length <= 40) this.nodes.forEach((node) => this.opened.add(node));
    this.draw();
  }

  node(text) {
    return this.byText?.get(text) ?? null;
  }

  choose(text) {
    this.chosen = this.node(text)?.text;
    if (!this.roots) return;
    for (let node = this.node(text)?.parent; node; node = node.parent) this.opened.add(node);
    this.draw();
  }

  draw() {
    const focused = document.activeElement?.dataset?.text;
    const wanted = this.find.value.trim().toLowerCase();
    this.list.replaceChildren();
    if (wanted) {
      const matches = this.nodes.filter((n) => n.name.toLowerCase().includes(wanted));
      matches.slice(0, MOST_FOUND).forEach((node) => this.list.append(this.row(node, false)));
      if (!matches.length) this.list.append(note(`No class is called like “${this.find.value}”`));
      if (matches.length > MOST_FOUND) this.list.append(note(`and ${matches.length - MOST_FOUND} more`));
    } else {
      this.roots.forEach((node) => this.list.append(this.row(node, true)));
    }
    const items = this.items();
    const current = items.find((item) => item.dataset.text === (focused ?? this.chosen)) ?? items[0];
    if (current) current.tabIndex = 0;
    if (focused !== undefined && current?.dataset.text === focused) current.focus();
  }

  row(node, withChildren) {
    const item = document.createElement("li");
    item.setAttribute("role", "treeitem");
    item.setAttribute("aria-selected", String(node.text === this.chosen));
    item.dataset.text = node.text;
    item.tabIndex = -1;
    const line = document.createElement("div");
    line.className = "node";
    const twist = document.createElement("span");
    twist.className = "twist";
    twist.setAttribute("aria-hidden", "true");
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = withChildren || !node.parent ? node.name : `${node.name} ‹ ${node.parent.name}`;
    const count = document.createElement("small");
    count.textContent = node.count.toLocaleString("en");
    line.append(twist, name, count);
    item.append(line);
    if (!withChildren || !node.children.length) {
      item.classList.add("leaf");
      return item;
    }
    item.setAttribute("aria-expanded", String(this.opened.has(node)));
    if (this.opened.has(node)) {
      const group = document.createElement("ul");
      group.setAttribute("role", "group");
      node.children.forEach((child) => group.append(this.row(child, true)));
      item.append(group);
    }
    return item;
  }

  items() {
    return [...this.list.querySelectorAll('[role="treeitem"]')];
  }

  toggle(node, open) {
    if (open) this.opened.add(node);
    else this.opened.delete(node);
    this.draw();
  }

  clicked(event) {
    const item = event.target.closest('[role="treeitem"]');
    if (!item) return;
    const node = this.node(item.dataset.text);
    if (event.target.classList.contains("twist") && node.children.length) {
      this.toggle(node, !this.opened.has(node));
    } else {
      this.onChoose(node.text === this.chosen ? null : node.text);
    }
  }

  pressed(event) {
    const item = event.target.closest('[role="treeitem"]');
    if (!item) return;
    const items = this.items();
    const place = items.indexOf(item);
    const node = this.node(item.dataset.text);
    const open = this.opened.has(node);
    const move = (to) => to && (items.forEach((each) => (each.tabIndex = -1)), (to.tabIndex = 0), to.focus());
    const keys = {
      ArrowDown: () => move(items[place + 1]),
      ArrowUp: () => (place ? move(items[place - 1]) : this.find.focus()),
      ArrowRight: () => (open || !node.children.length ? move(items[place + 1]) : this.toggle(node, true)),
      ArrowLeft: () =>
        open ? this.toggle(node, false) : move(item.parentElement.closest('[role="treeitem"]')),
      Home: () => move(items[0]),
      End: () => move(items.at(-1)),
      Enter: () => this.onChoose(node.text === this.chosen ? null : node.text),
      " ": () => this.onChoose(node.text === this.chosen ? null : node.text),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }
}

function note(text) {
  const item = document.createElement("li");
  item.setAttribute("role", "none");
  item.className = "gone";
  item.textContent = text;
  return item;
}
