// @ts-check
/* Recorded runs that play in a notebook: the view of an anywidget (planrl/labs/notebook.py), which appends
 * this to the other scripts of a player, and the whole is one module. */

/** @param {{model: Model, el: HTMLElement}} view */
function render({ model, el }) {
  const { markup, film } = model.get("shown");
  const place = document.createElement("div");
  place.className = "planrl-notebook";
  place.innerHTML = markup; // by Python, with every text escaped
  el.append(place);
  const leave = planrlNotebook.enter(place);
  const host = /** @type {HTMLElement} */ (place.querySelector(".planrl-player"));
  const end = planrlPlayer.start(host, film);
  return () => {
    end();
    leave();
  };
}

export default { render };
