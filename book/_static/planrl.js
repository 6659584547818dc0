// @ts-check
/* Small things every page needs. */
(() => {
  "use strict";

  // The theme's buttons name what they do (book/_ext/policy.py): no script may stand in a page.
  /** @type {Record<string, () => void>} */
  const presses = {
    print: () => window.print(),
    fullscreen: () => /** @type {any} */ (window).toggleFullScreen(),
  };
  document.addEventListener("click", ({ target }) => {
    const button = /** @type {Element} */ (target).closest?.("[data-press]");
    presses[button?.getAttribute("data-press") ?? ""]?.();
  });

  // The stylesheet shows the feedback of the answer that was chosen; this says it aloud.
  document.querySelectorAll(".planrl-check").forEach((check) => {
    const aloud = document.createElement("div");
    aloud.className = "planrl-aloud";
    aloud.setAttribute("role", "status");
    check.append(aloud);
    check.addEventListener("change", () => {
      const shown = [...check.querySelectorAll(".planrl-feedback")].filter(
        (feedback) => getComputedStyle(feedback).display !== "none",
      );
      aloud.textContent = shown.map((feedback) => feedback.textContent).join(" ");
    });
  });

  // Every letter of a formula says what it means: on hover, and when it is tapped.
  const explain = () => {
    const data = document.querySelector("script.planrl-symbols-data");
    if (!data) return;
    const meanings = JSON.parse(data.textContent || "{}");
    const bubble = document.createElement("div");
    bubble.className = "planrl-symbol-said";
    bubble.hidden = true;
    document.body.append(bubble);
    document.querySelectorAll("article mi").forEach((letter) => {
      const shown = (letter.textContent ?? "").replace("ϵ", "ε");
      const next = letter.nextElementSibling;
      const bracket = next?.localName === "mo" ? next.textContent : "";
      const said = meanings[shown + bracket] ?? meanings[shown];
      if (!said) return;
      letter.classList.add("planrl-symbol");
      /** @type {HTMLElement} */ (letter).dataset.said = `${shown} · ${said}`;
    });
    const hide = () => (bubble.hidden = true);
    /** @param {Event} event */
    const show = (event) => {
      const target = /** @type {Element} */ (event.target);
      const letter = /** @type {HTMLElement | null} */ (target.closest?.(".planrl-symbol"));
      if (!letter) return hide();
      bubble.textContent = letter.dataset.said ?? "";
      bubble.hidden = false;
      const box = letter.getBoundingClientRect();
      const left = Math.min(box.left, document.documentElement.clientWidth - bubble.offsetWidth - 8);
      bubble.style.left = `${Math.max(8, left) + window.scrollX}px`;
      bubble.style.top = `${box.bottom + window.scrollY + 4}px`;
    };
    document.addEventListener("pointerover", show);
    document.addEventListener("click", show);
    document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  };
  explain();

  // Where a picture plays, what draws the figures below it is loaded when a reader comes near to
  // them, or asks for a lab, or has had time to see the picture.
  /** @type {NodeListOf<HTMLScriptElement>} */
  const later = document.querySelectorAll("script[type='planrl/later']");
  if (later.length) {
    let asked = false;
    const load = () => {
      if (asked) return;
      asked = true;
      for (const one of later) {
        const script = Object.assign(document.createElement("script"), { src: one.src, async: false });
        for (const end of ["load", "error"]) script.addEventListener(end, () => one.remove());
        document.head.append(script);
      }
    };
    const near = new IntersectionObserver(
      (figures) => figures.some((figure) => figure.isIntersecting) && load(),
      { rootMargin: "200px 0px" },
    );
    document.querySelectorAll(".plotly-figure, .planrl-lab").forEach((one) => near.observe(one));
    for (const event of ["scroll", "beforeprint", "planrl:load"]) {
      window.addEventListener(event, load, { once: true });
    }
    window.setTimeout(load, 20000);
    if (location.hash || /[?&]lab=/.test(location.search)) load();
  }

  // Where the theme gives a button or a drop-down another name than the words it shows, the words
  // are the name: who speaks to a computer says what is written.
  document.querySelectorAll("summary[aria-label], .search-button-field[aria-label]").forEach((one) => {
    if (one.textContent?.trim()) one.removeAttribute("aria-label");
  });

  document.querySelectorAll(".theme-switch[title]").forEach((icon) => icon.removeAttribute("title"));

  // What scrolls sideways must be reachable with the keyboard.
  const wide = "div.math, .cell_output, .pst-scrollable-table-container, .output.text_html";
  const reach = () =>
    document.querySelectorAll(wide).forEach((box) => {
      if (box.scrollWidth > box.clientWidth + 1) box.setAttribute("tabindex", "0");
      else box.removeAttribute("tabindex");
    });
  window.addEventListener("load", reach);
  window.addEventListener("resize", reach);
})();
