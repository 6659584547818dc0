// @ts-check
/* Small things every page needs. */
(() => {
  "use strict";

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
