// @ts-check
/* Makes the parts of a lab's page: its controls, presets, the field for a reader's own graph, the table of
 * numbers and lists of words. Nothing here knows how a lab is trained. Loaded before lab.js. */
const planrlLabControls = (() => {
  "use strict";

  const ERRORS = 3; // errors of a pasted graph that are told

  /** @type {Record<string, string>} shapes of 24 x 24 */
  const ICONS = {
    play: "M7 4l13 8-13 8z",
    pause: "M6 4h4v16H6zM14 4h4v16h-4z",
    step: "M5 4l10 8-10 8zM16 4h3v16h-3z",
    reset: "M12 5V1L6 6l6 5V7a5 5 0 1 1-5 5H5a7 7 0 1 0 7-7z",
    link: "M8 7h3v2H8a3 3 0 0 0 0 6h3v2H8A5 5 0 0 1 8 7zm5 0h3a5 5 0 0 1 0 10h-3v-2h3a3 3 0 0 0 0-6h-3zM8 11h8v2H8z",
    code: "M9 7l-5 5 5 5-1.5 1.5L1 12l6.500-6.500zM15 7l5 5-5 5 1.500 1.500L23 12l-6.500-6.500z",
    picture: "M3 4h18v16H3zm2 2v9l4-4 4 4 3-3 3 3V6zm10 1a2 2 0 1 1 0 4 2 2 0 0 1 0-4z",
    beside: "M3 4h8v16H3zm2 2v12h4V6zm8-2h8v16h-8z",
  };

  /** @template {keyof HTMLElementTagNameMap} T
   * @param {T} tag @param {Record<string, any>} [properties] also attributes
   * @param {(Node | string)[]} children @returns {HTMLElementTagNameMap[T]} */
  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.includes("-") || name === "role") element.setAttribute(name, value);
      else Object.assign(element, { [name]: value });
    }
    element.append(...children);
    return element;
  }

  /** @param {string} name @param {(Node | string)[]} children */
  const box = (name, ...children) => make("div", { className: `planrl-lab-${name}` }, ...children);

  /** Change an element's text; a live region must not speak when nothing changed.
   * @param {Element} element @param {string} text */
  function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  /** A button with an icon. A wordless one has its words in its tooltip, but on a phone, which shows no
   * tooltips. @param {string} icon @param {string} text
   * @param {(event: MouseEvent) => void} onclick @param {"always" | "wordless"} shown */
  function button(icon, text, onclick, shown) {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    shape.setAttribute("viewBox", "0 0 24 24");
    shape.setAttribute("aria-hidden", "true");
    shape.append(path);
    const words = make("span", {}, text);
    const element = make("button", { type: "button", onclick, title: shown === "always" ? "" : text }, shape, words);
    element.classList.toggle("planrl-lab-wordless", shown === "wordless");
    const show = (/** @type {string} */ kind, /** @type {string} */ now) => {
      path.setAttribute("d", ICONS[kind]);
      say(words, now);
    };
    show(icon, text);
    return { element, show };
  }

  /** One control. @param {Control} control @param {(name: string) => string} id
   * @param {(value: Value) => void} choose
   * @returns {{row: HTMLElement, show: (value: Value) => void}} */
  function control({ name, label, meaning, kind, values, texts }, id, choose) {
    const shared = {
      id: id(name),
      ...(meaning && { "aria-describedby": id(`${name}-meaning`) }),
    };
    const choosing = (/** @type {number} */ chosen) => choose(values[chosen]);
    const row = box("control", make("label", { htmlFor: shared.id }, label));
    row.classList.add(`planrl-lab-${kind}`);
    if (kind === "choice") {
      const select = make("select", shared, ...texts.map((text) => make("option", {}, text)));
      select.onchange = () => choosing(select.selectedIndex);
      row.append(select);
      return { row, show: (value) => (select.selectedIndex = values.indexOf(value)) };
    }
    if (kind === "switch") {
      const check = make("input", { ...shared, type: "checkbox" });
      check.onchange = () => choosing(Number(check.checked));
      row.append(check);
      return { row, show: (value) => (check.checked = values.indexOf(value) === 1) };
    }
    const range = make("input", { ...shared, type: "range", max: values.length - 1 });
    const output = make("output");
    range.oninput = () => choosing(Number(range.value));
    row.append(range, output);
    return {
      row,
      show: (value) => {
        const text = texts[values.indexOf(value)];
        range.value = `${values.indexOf(value)}`;
        range.setAttribute("aria-valuetext", text);
        output.textContent = text;
      },
    };
  }

  /** What each control does. @param {Control[]} controls @param {(name: string) => string} id */
  function meanings(controls, id) {
    const list = make("dl");
    for (const { name, label, meaning, restarts } of controls) {
      if (!meaning) continue;
      const text = restarts ? `${meaning} A change starts the training again.` : meaning;
      list.append(make("dt", {}, label), make("dd", { id: id(`${name}-meaning`) }, text));
    }
    const title = make("summary", {}, "What the controls do");
    return make("details", { className: "planrl-lab-meanings" }, title, list);
  }

  /** The presets, as buttons of which the one whose settings hold is pressed.
   * @param {Lab} lab @param {(preset: Preset) => void} choose */
  function presets(lab, choose) {
    const row = box("presets");
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", "Prepared settings");
    const all = (lab.presets ?? []).map((preset) => {
      const chip = make("button", { type: "button", onclick: () => choose(preset) }, preset.title);
      chip.dataset.preset = preset.name;
      row.append(chip);
      return { chip, preset };
    });
    row.hidden = !all.length;
    const show = (/** @type {Preset | undefined} */ chosen) => {
      for (const { chip, preset } of all) chip.setAttribute("aria-pressed", `${preset === chosen}`);
    };
    return { row, show };
  }

  /** The field in which a reader writes the edges of a graph; empty for a lab that takes none.
   * @param {Lab} lab @param {(name: string) => string} id @param {string} example @param {() => void} use */
  function edgesOf(lab, id, example, use) {
    const [wrong, how] = ["edges-wrong", "edges-how"].map(id);
    const error = make("p", { className: "planrl-lab-alert", role: "alert", id: wrong });
    const field = make("textarea", {
      id: id("edges"),
      rows: 6,
      spellcheck: false,
      value: example,
      "aria-describedby": `${how} ${wrong}`,
    });
    const element = box("own");
    if (lab.own) {
      const limits =
        `One edge a line: a b, a -> b or a,b. At most ${lab.own.nodes} nodes and ${lab.own.edges} edges. ` +
        "The pair that is shown goes from the first word to the last.";
      element.append(
        make("label", { htmlFor: field.id }, "Edges of your own graph"),
        make("p", { id: how }, limits),
        field,
        error,
        make("button", { type: "button", onclick: use }, "Use this graph"),
      );
    }
    /** Say what is wrong, if anything is. @param {string[]} errors */
    function refuse(errors) {
      const told = errors.slice(0, ERRORS);
      if (errors.length > ERRORS) told.push(`And ${errors.length - ERRORS} more.`);
      say(error, told.join("\n"));
      field.setAttribute("aria-invalid", `${errors.length > 0}`);
    }
    return { element, refuse, read: () => field.value, write: (/** @type {string} */ text) => (field.value = text) };
  }

  /** The table of a lab's numbers: a line for each learner. @param {Lab} lab */
  function numbersOf(lab) {
    const caption = make("caption");
    const rows = make("tbody");
    const heads = ["learner", ...lab.metrics.map((metric) => metric.label)];
    const head = make("tr", {}, ...heads.map((name) => make("th", { scope: "col" }, name)));
    const element = box("numbers", make("table", {}, caption, make("thead", {}, head), rows));
    element.tabIndex = 0; // wider than a phone: reachable with the keyboard
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", "The numbers of the figure");
    /** @param {string} title @param {{title: string, value: (metric: string) => number | undefined}[]} lines */
    function show(title, lines) {
      say(caption, title);
      const line = (/** @type {typeof lines[0]} */ { title: name, value }) => {
        const cells = lab.metrics.map((metric) => {
          const found = value(metric.name);
          const known = found !== undefined && Number.isFinite(found);
          return make("td", {}, known ? `${Number(found.toPrecision(3))}` : "–");
        });
        return make("tr", {}, make("th", { scope: "row" }, name), ...cells);
      };
      rows.replaceChildren(...lines.map(line));
    }
    return { element, show };
  }

  return { make, box, say, button, control, edgesOf, meanings, numbersOf, presets };
})();
