"use strict";
(() => {
  const search = document.getElementById("search");
  const notable = document.getElementById("notable");
  const found = document.getElementById("found");
  const items = [...document.querySelectorAll(".row, .finding")];
  const gaps = [...document.querySelectorAll(".gap")];
  const matters = (item) => item.matches(".finding, .ghost, .connection, .marked, .witness");
  let texts = null;

  function apply() {
    const needle = search.value.trim().toLowerCase();
    texts = texts || items.map((item) => item.textContent.toLowerCase());
    let count = 0;
    items.forEach((item, index) => {
      const shown = (!needle || texts[index].includes(needle)) && (!notable.checked || matters(item));
      item.classList.toggle("hidden", !shown);
      if (shown) count += 1;
    });
    gaps.forEach((gap) => gap.classList.toggle("hidden", Boolean(needle) || notable.checked));
    found.textContent = needle || notable.checked ? `${count.toLocaleString("en")} of ${items.length.toLocaleString("en")}` : "";
  }

  let timer = 0;
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 120); });
  notable.addEventListener("change", apply);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); }
    if (event.key === "Escape" && document.activeElement === search) { search.value = ""; apply(); search.blur(); }
  });
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.classList.contains("hidden")) { search.value = ""; notable.checked = false; apply(); target.scrollIntoView(); }
  });
  document.addEventListener("click", (event) => {
    const factor = event.target.dataset && Number(event.target.dataset.zoom);
    if (!factor) return;
    const drawing = event.target.closest("article").querySelector(".waterfall");
    const zoom = Math.min(64, Math.max(1, Number(drawing.dataset.zoom || 1) * factor));
    drawing.dataset.zoom = zoom;
    drawing.style.width = `${zoom * 100}%`;
  });
})();
