// @ts-check
/* Makes a live lab in a notebook: the view of an anywidget, whose kernel (planrl/labs/notebook.py) trains.
 * planrl/labs/notebook.py appends it to the other scripts of a lab, and the whole is one module. */

const WAITING =
  "The kernel does not answer: it is busy with another cell, or it has forgotten this lab, which a kernel does when it starts again. Then run this cell again.";
const GONE = "the kernel has forgotten this lab: run this cell again";

/** A worker in the kernel. @param {Model} model @param {string} view several may show one model
 * @returns {Trainer} */
function trainerOf(model, view) {
  const hear = (/** @type {any} */ message, /** @type {DataView[]} */ buffers) => {
    if (message.view === view) trainer.onmessage?.(new MessageEvent("message", { data: unpacked(message, buffers) }));
  };
  /** @type {Trainer} */
  const trainer = {
    onmessage: null,
    onerror: null,
    postMessage({ type, epoch, steps, links, told }) {
      if (tell(model, { type, epoch, steps, links, told, view })) return;
      const data = { type: "error", epoch, message: GONE, trouble: null };
      window.setTimeout(() => trainer.onmessage?.(new MessageEvent("message", { data })));
    },
    terminate() {
      model.off("msg:custom", hear);
      tell(model, { type: "close", view });
    },
  };
  model.on("msg:custom", hear);
  return trainer;
}

/** Send a message, if the kernel is still there. @param {Model} model @param {any} message */
function tell(model, message) {
  try {
    model.send(message);
    return true;
  } catch {
    return false;
  }
}

/** A kernel's answer as a worker gives it. @param {any} message @param {DataView[]} buffers */
function unpacked({ learners, ...message }, buffers) {
  const [numbers = new Float32Array(), ...rows] = buffers.map(
    ({ buffer, byteOffset, byteLength }) => new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength)),
  );
  let at = 0;
  const evaluations = Array.from({ length: learners ?? 0 }, () => {
    /** @type {Evaluation} */
    const found = { metrics: {}, matrices: {} };
    for (const [name, shape] of Object.entries(/** @type {Record<string, number[]>} */ (message.shapes))) {
      const size = shape.reduce((product, length) => product * length, 1);
      if (shape.length) found.matrices[name] = numbers.slice(at, at + size);
      else found.metrics[name] = numbers[at];
      at += size;
    }
    return found;
  });
  const made = rows.length ? evaluations.map((_, k) => ({ paths: rows[2 * k], earned: rows[2 * k + 1] })) : null;
  return { ...message, evaluations, made };
}

/** Have the kernel send plotly, if the notebook's page does not have it yet. @param {Model} model */
function fetchPlotly(model) {
  const page = /** @type {any} */ (window);
  if (page.Plotly) return;
  const hear = (/** @type {any} */ { type }, /** @type {DataView[]} */ [code]) => {
    if (type !== "plotly" || page.Plotly) return;
    model.off("msg:custom", hear);
    // The classic notebook has a loader of modules, which would take the script for one of them.
    const parts = ["(function (define, module, exports) {", code, "\n}).call(window);"];
    const src = URL.createObjectURL(new Blob(/** @type {BlobPart[]} */ (parts), { type: "text/javascript" }));
    const onload = () => {
      URL.revokeObjectURL(src);
      window.dispatchEvent(new Event("planrl:redraw"));
    };
    document.head.append(Object.assign(document.createElement("script"), { src, onload }));
  };
  model.on("msg:custom", hear);
  tell(model, { type: "plotly" });
}

/** @param {{model: Model, el: HTMLElement}} view */
function render({ model, el }) {
  const { make, box } = planrlLabControls;
  const { lab, title, intro, link, template, colours } = model.get("shown");
  const id = `lab-${lab.name}-${Math.random().toString(36).slice(2, 10)}`;
  const host = make("section", { id, className: "planrl-lab planrl-notebook", "aria-labelledby": `${id}-title` },
    make("h3", { id: `${id}-title`, className: "planrl-lab-title" }, title),
    make("p", { className: "planrl-lab-intro" }, intro),
    box("body"),
  );
  host.dataset.state = link;
  el.append(host);
  Object.assign(window, { planrlPlotlyTemplate: template, planrlDarkColours: colours });
  fetchPlotly(model);
  const leave = planrlNotebook.enter(host);
  const trainer = { root: "", start: () => trainerOf(model, id), explain: async () => "", waiting: WAITING };
  const end = planrlLab.start(host, lab, { blocked: "", address: null, where: "notebook", trainer });
  return () => {
    end();
    leave();
  };
}

export default { render };
