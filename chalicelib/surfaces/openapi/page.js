"use strict";
const search = document.getElementById("search");
const found = document.getElementById("found");
const items = [...document.querySelectorAll("details[id]")];

function show() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const item of items) {
    const text = item.dataset.text;
    item.hidden = !words.every((word) => text.includes(word));
    count += item.hidden ? 0 : 1;
  }
  found.textContent = words.length ? count + " found" : "";
}

function open() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.hidden = false;
    target.open = true;
    target.scrollIntoView();
  }
}

search.closest("form").hidden = false;
search.addEventListener("input", show);
addEventListener("hashchange", open);
open();
