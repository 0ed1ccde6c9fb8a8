// The few things that the page does with the document.  All that comes from
// the server becomes text nodes.

export function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

// Leaves alone what is so already: no work for the browser, no flicker, and
// selected text stays selected.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setData(node, name, value) {
  if (value) node.dataset[name] = value;
  else delete node.dataset[name];
}

// One child for each item, in their order, made once for each key and kept
// for as long as the key is among them.
export function keyed(parent, items, keyOf, make, update) {
  parent.nodes ??= new Map();
  const before = parent.nodes;
  parent.nodes = new Map();

  for (const [i, item] of items.entries()) {
    const key = keyOf(item);
    const node = before.get(key) ?? make(item);
    parent.nodes.set(key, node);
    before.delete(key);
    if (parent.children[i] !== node) {
      parent.insertBefore(node, parent.children[i] ?? null);
    }
    update(node, item);
  }
  for (const node of before.values()) node.remove();
}

export const cssValue = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();
