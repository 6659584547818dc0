// @ts-check
/* Tells which objective a pasted config is and which regime a log shows. Nothing leaves the page.
 * The rules are data of planrl.objectives, written into the page; a test compares both readers. */

/** @typedef {Record<string, string>} Options */
/** @typedef {{when: Record<string, any[]>, row?: string, none?: string, says?: string, name?: string}} Rule */

const planrlExplain = (() => {
  "use strict";

  const CALL = /\b(GRPOConfig|RLOOConfig)\s*\(/;
  const OVERRIDE = /(?<![\w.$/-])\+{0,2}([A-Za-z_]\w*(?:\.\w+)+)=("[^"]*"|'[^']*'|[^\s\\"']*)/g;
  const ARGUMENT = /^\s*([A-Za-z_]\w*)\s*=(?!=)\s*([^]*\S)\s*$/;
  const PAIR = /^(\s*)("[^"]+"|'[^']+'|[A-Za-z_][\w.]*)\s*:(?:\s+(.*))?$/;
  /** @type {Options} */
  const WORDS = { null: "none", "~": "none", "": "none", yes: "true", on: "true", no: "false", off: "false" };
  const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;

  /** @param {string} value */
  function plain(value) {
    const text = value.trim().replace(/,+$/, "").trim();
    if (text.length > 1 && text[0] === text[text.length - 1] && `"'`.includes(text[0])) return text.slice(1, -1);
    const small = text.toLowerCase();
    return small in WORDS ? WORDS[small] : ["true", "false", "none"].includes(small) ? small : text;
  }

  /** @param {string} text */
  const withoutComments = (text) =>
    text.split("\n").map((line) => line.replace(/(^|\s)#.*$/, "")).join("\n");

  /** @param {any} page @param {string} prefix @returns {[string, string][]} */
  function flat(page, prefix) {
    if (page && typeof page === "object" && !Array.isArray(page) && (Object.keys(page).length || !prefix)) {
      return Object.entries(page).flatMap(([name, value]) => flat(value, prefix ? `${prefix}.${name}` : name));
    }
    return [[prefix, plain(typeof page === "string" ? page : JSON.stringify(page).replaceAll(",", ", "))]];
  }

  /** @param {string} text @param {number} start @returns {[string, string][]} */
  function callArguments(text, start) {
    let depth = 1;
    let quote = "";
    let begin = start;
    const parts = [];
    for (let at = start; depth && at < text.length; at += 1) {
      const one = text[at];
      if (quote) {
        if (one === "\\") at += 1;
        else if (one === quote) quote = "";
        continue;
      }
      if (`"'`.includes(one)) quote = one;
      depth += "([{".includes(one) ? 1 : ")]}".includes(one) ? -1 : 0;
      if (depth === 0 || (depth === 1 && one === ",")) {
        parts.push(text.slice(begin, at));
        begin = at + 1;
      }
    }
    if (depth) throw new Error("the bracket of this call is never closed");
    return parts.flatMap((part) => {
      const match = ARGUMENT.exec(part);
      return match ? [/** @type {[string, string]} */ ([match[1], plain(match[2])])] : [];
    });
  }

  /** @param {string} text @returns {[string, string][]} */
  function yaml(text) {
    /** @type {[number, string][]} */
    const above = [];
    /** @type {[string, string][]} */
    const found = [];
    const lines = withoutComments(text).split("\n");
    lines.forEach((line, at) => {
      const bare = line.trim();
      if (!bare || bare === "---" || bare === "..." || line.trimStart().startsWith("- ")) return;
      const match = PAIR.exec(line);
      if (!match || match[1].includes("\t") || ["|", ">", "|-", ">-"].includes((match[3] ?? "").trim())) {
        throw new Error(`line ${at + 1}: “${bare.slice(0, 60)}” is not understood: expected key: value, indented by spaces`);
      }
      const indent = match[1].length;
      while (above.length && above[above.length - 1][0] >= indent) above.pop();
      const name = [...above.map((one) => one[1]), match[2].replace(/^["']+|["']+$/g, "")].join(".");
      const value = (match[3] ?? "").trim();
      const inner = lines.slice(at + 1, at + 201).find((one) => one.trim()) ?? "";
      const nested = inner.length - inner.trimStart().length > indent || inner.trimStart().startsWith("- ");
      if (value) found.push([name, plain(value)]);
      else if (!nested) found.push([name, "none"]);
      above.push([indent, match[2].replace(/^["']+|["']+$/g, "")]);
    });
    return found;
  }

  /** The options that a text sets, and the class that it names.
   * @param {string} given @returns {{options: Options, library: string}} */
  function readConfig(given) {
    const text = given.replace(/\r\n?/g, "\n");
    const bare = withoutComments(text);
    const call = CALL.exec(bare);
    /** @type {[string, string][]} */
    let pairs;
    if (text.trimStart()[0] === "{") {
      try {
        pairs = flat(JSON.parse(text), "");
      } catch (error) {
        throw new Error(`no JSON: ${/** @type {Error} */ (error).message}`);
      }
    } else if (call) {
      pairs = callArguments(bare, call.index + call[0].length);
    } else if (bare.search(OVERRIDE) >= 0) {
      pairs = [...bare.matchAll(OVERRIDE)].map((match) => [match[1], plain(match[2])]);
    } else pairs = yaml(text);
    /** @type {Options} */
    const options = {};
    for (const [name, value] of pairs) {
      if (name in options && options[name] !== value) {
        throw new Error(`${name} is given twice, ${options[name]} and ${value}: leave one of them`);
      }
      options[name] = value;
    }
    if (!pairs.length) throw new Error("no option is set here: paste lines like beta: 0.04");
    return { options, library: call ? call[1] : "" };
  }

  /** @param {string | number} value */
  const number = (value) => (typeof value === "number" ? value : NUMBER.test(value) ? Number(value) : null);

  /** @param {string | number} value @param {any} one @param {Record<string, string | number>} read */
  const is = (value, one, read) =>
    typeof one === "string" ? value === one : Object.entries(one).every(([kind, bound]) => meets(value, kind, bound, read));

  /** @param {string | number} value @param {string} kind @param {any} bound @param {Record<string, string | number>} read */
  function meets(value, kind, bound, read) {
    if (kind === "set") return value !== "none";
    if (kind === "not") return !bound.includes(value);
    const left = number(value);
    const right = typeof bound === "string" ? number(read[bound]) : bound;
    if (left === null || right === null) return false;
    return { above: left > right, below: left < right, least: left >= right, most: left <= right }[kind];
  }

  /** @param {Rule} rule @param {Record<string, string | number>} read */
  const applies = (rule, read) =>
    Object.entries(rule.when).every(([name, ones]) => ones.some((one) => is(read[name], one, read)));

  /** @param {any} data @param {Options} options */
  function libraryOf(data, options) {
    const { defaults, beside_under: under } = data.rules.verl;
    const groups = new Set([...Object.keys(defaults), ...under].map((name) => name.split(".")[0]));
    if (Object.keys(options).some((name) => name.includes(".") && groups.has(name.split(".")[0]))) return "verl";
    return "normalize_advantages" in options || "reward_clip_range" in options ? "RLOOConfig" : "GRPOConfig";
  }

  /** What a config is, as `planrl.objectives.configs.explain` has it.
   * @param {any} data @param {Options} options @param {string} [named] */
  function explain(data, options, named) {
    const library = named || libraryOf(data, options);
    const book = data.rules[library];
    const under = book.beside_under ?? [];
    const beside = (/** @type {string} */ name) =>
      book.beside.includes(name) ||
      book.beside.includes(name.split(".")[0]) ||
      under.some((/** @type {string} */ begin) => name.startsWith(begin));
    const names = Object.keys(options);
    /** @type {Options} */
    const read = { ...book.defaults };
    for (const name of names) if (name in book.defaults) read[name] = options[name];
    for (const name of book.numbers) {
      if (!((number(read[name]) ?? -1) >= 0)) {
        throw new Error(`${name}: “${read[name]}” was given, expected a number of 0 or more`);
      }
    }
    for (const [name, values] of Object.entries(book.choices)) {
      if (!values.includes(read[name])) {
        throw new Error(`${name}: “${read[name]}” was given, expected one of ${values.join(", ")}`);
      }
    }
    const first = (/** @type {string} */ part) => book[part].find((/** @type {Rule} */ rule) => applies(rule, read));
    const row = first("rows");
    const rules = [first("penalties"), first("bonuses")].filter(Boolean);
    const added = rules.filter((rule) => rule.row).map((rule) => rule.row);
    const why = [row, ...rules].filter((rule) => rule?.none).map((rule) => rule.none);
    let outcome = null;
    if (row?.row && !rules.some((rule) => rule.none)) {
      const filtered = read[data.filter] === "true";
      outcome = data.outcomes[[row.row + (filtered ? ", filtered" : ""), ...added].join(" + ")];
      if (outcome.why) why.push(outcome.why);
    }
    const notes = [...new Set(book.notes.filter((/** @type {Rule} */ rule) => applies(rule, read)).map((/** @type {Rule} */ rule) => rule.says))];
    const weight = (/** @type {string} */ name) =>
      read[name.startsWith("entropy") ? book.entropy : name.includes("return") ? book.lambda_in_reward ?? book.lambda : book.lambda];
    return {
      library,
      row: row?.row ?? "",
      added,
      weights: added.map((name) => Number(weight(name))),
      diversity: outcome?.diversity ?? null,
      says: outcome?.says ?? null,
      why,
      refused: rules.some((rule) => rule.none),
      notes,
      unknown: names.filter((name) => !(name in book.defaults) && !beside(name)),
    };
  }

  /** A number with three digits, as Python's format .3g writes it.
   * @param {number} value */
  function short(value) {
    if (value === 0) return Object.is(value, -0) ? "-0" : "0";
    const [digits, power] = value.toExponential(2).split("e");
    const exponent = Number(power);
    if (exponent < -4 || exponent >= 3) {
      const size = `${Math.abs(exponent)}`.padStart(2, "0");
      return `${digits.replace(/\.?0+$/, "")}e${exponent < 0 ? "-" : "+"}${size}`;
    }
    const text = value.toFixed(2 - exponent);
    return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  }

  /** The numbers of each name in a log: CSV, JSON lines, or TRL's trainer_state.json.
   * What stands before a dash is a run if one of its columns is named as one of `metrics`.
   * @param {string} given @param {string[]} metrics @returns {Record<string, number[]>} */
  function readLog(given, metrics) {
    const text = given.replace(/\r\n?/g, "\n");
    if (!text.trim()) throw new Error("nothing is here: paste CSV with names in its first line, or JSON lines");
    /** @type {Record<string, any>[]} */
    let rows;
    if ("{[".includes(text.trimStart()[0])) {
      try {
        const page = JSON.parse(text);
        rows = Array.isArray(page) ? page : page.log_history ?? [page];
      } catch {
        rows = text.split("\n").flatMap((line, at) => {
          if (!line.trim()) return [];
          try {
            return [JSON.parse(line)];
          } catch {
            throw new Error(`line ${at + 1} is no JSON object`);
          }
        });
      }
    } else {
      const lines = text.split("\n").filter((line) => line.trim());
      const cut = lines[0].includes("\t") ? "\t" : ",";
      const cells = (/** @type {string} */ line) => line.split(cut).map((cell) => cell.trim().replace(/^"|"$/g, ""));
      const names = cells(lines[0]);
      if (names.every((name) => number(name) !== null)) throw new Error("line 1: expected the names of the columns");
      rows = lines.slice(1).map((line, at) => {
        const values = cells(line);
        if (values.length !== names.length) throw new Error(`row ${at + 1}: ${values.length} values for ${names.length} names`);
        return Object.fromEntries(names.map((name, k) => [name, values[k]]));
      });
    }
    /** @type {Record<string, number[]>} */
    const columns = {};
    for (const row of rows) {
      for (const [name, value] of Object.entries(row)) {
        const as = typeof value === "number" ? value : typeof value === "string" ? number(value) : null;
        if (as !== null && Number.isFinite(as)) (columns[name.trim()] ??= []).push(as);
      }
    }
    const parts = Object.keys(columns).map((name) => {
      const cut = name.lastIndexOf(" - ");
      return { name, run: name.slice(0, Math.max(cut, 0)).trim(), metric: name.slice(cut < 0 ? 0 : cut + 3).trim() };
    });
    const runs = new Set(parts.filter(({ run, metric }) => run && metrics.includes(metric)).map(({ run }) => run));
    if (runs.size > 1) throw new Error(`the log is of ${runs.size} runs, ${[...runs].join(", ")}: paste the columns of one of them`);
    return Object.fromEntries(parts.map(({ name, run, metric }) => [runs.has(run) ? metric : name, columns[name]]));
  }

  /** @param {number[]} values */
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  /** The numbers by which regimes are told, as `planrl.objectives.logs` has them: texts, and themselves.
   * @param {any} book @param {Record<string, number[]>} columns */
  function measured(book, columns) {
    /** @type {Record<string, number[]>} */
    const series = {};
    for (const [meaning, names] of Object.entries(book.names)) {
      const name = names.find((/** @type {string} */ one) => columns[one]?.length);
      if (name) series[meaning] = columns[name];
    }
    const rewards = series.reward ?? [];
    if (rewards.length < book.least_rows) {
      throw new Error(`a regime needs ${book.least_rows} rows with a reward, this log has ${rewards.length}`);
    }
    /** @type {Record<string, number>} */
    const found = {};
    for (const name of ["reward", "reward_std", "entropy", "kl", "zero"]) {
      const values = series[name] ?? [];
      if (values.length < book.least_rows) continue;
      const tenth = Math.max(1, Math.floor(values.length / 10));
      const middle = Math.floor((values.length - tenth) / 2);
      found[`${name}_first`] = mean(values.slice(0, tenth));
      found[`${name}_half`] = mean(values.slice(middle, middle + tenth));
      found[`${name}_last`] = mean(values.slice(-tenth));
    }
    const tenth = Math.max(1, Math.floor(rewards.length / 10));
    let best = -Infinity;
    for (let at = 0; at + tenth <= rewards.length; at += tenth) best = Math.max(best, mean(rewards.slice(at, at + tenth)));
    found.reward_change = found.reward_last - found.reward_first;
    found.reward_late_change = found.reward_last - found.reward_half;
    found.reward_drop = best - found.reward_last;
    for (const [name, later, earlier] of [
      ["entropy_ratio", "entropy_last", "entropy_first"],
      ["entropy_late_ratio", "entropy_last", "entropy_half"],
      ["kl_late_ratio", "kl_last", "kl_half"],
    ]) if (later in found && found[earlier] > 0) found[name] = found[later] / found[earlier];
    /** @type {Options} */
    const told = {};
    for (const [name, value] of Object.entries(found)) {
      found[name] = Math.round(value * 1e9) / 1e9;
      told[name] = short(found[name]);
    }
    told.share = `${rewards.every((value) => value >= 0 && value <= 1)}`;
    return { told, numbers: { ...found, share: told.share } };
  }

  /** @param {any} book @param {Record<string, number[]>} columns */
  const summary = (book, columns) => measured(book, columns).told;

  /** The regimes that a log shows.
   * @param {any} book @param {Record<string, number[]>} columns */
  function regimes(book, columns) {
    const { told, numbers } = measured(book, columns);
    /** @type {Record<string, string | number>} */
    const read = {};
    for (const rule of book.regimes) for (const name of Object.keys(rule.when)) read[name] = "none";
    Object.assign(read, numbers);
    return book.regimes.filter((/** @type {Rule} */ rule) => applies(rule, read)).map((/** @type {any} */ rule) => ({
      name: rule.name,
      says: rule.says.replace(/\{(\w+)\}/g, (/** @type {string} */ whole, /** @type {string} */ name) => told[name] ?? whole),
    }));
  }

  /** The state of the lab of two objectives that is this config; "" if it has none, as with a penalty
   * or a bonus that is no line of the sheet.
   * @param {any} book @param {any} found @returns {string} */
  function labState(book, found) {
    const { sheet, lambdas, betas } = book.lab;
    if (found.refused || ![found.row, ...found.added].every((name) => name in sheet)) return "";
    const state = { ...sheet[found.row], b_lambda: "0", b_beta: "0" };
    found.added.forEach((/** @type {string} */ name, /** @type {number} */ k) => {
      const bonus = "b_bonus" in sheet[name];
      const away = (/** @type {number} */ value) => Math.abs(value - found.weights[k]);
      const values = bonus ? betas : lambdas;
      const near = values.reduce((/** @type {number} */ a, /** @type {number} */ b) => (away(b) < away(a) ? b : a));
      Object.assign(state, sheet[name], { [bonus ? "b_beta" : "b_lambda"]: `${near}` });
    });
    const alone = state.b === "rloo" ? "grpo" : "rloo";
    return `${new URLSearchParams({ ...state, a: found.added.length ? state.b : alone, a_lambda: "0", a_beta: "0" })}`;
  }

  return { readConfig, explain, readLog, summary, regimes, short, labState };
})();

if (typeof document !== "undefined") {
  /** @param {string} kind @param {string} [text] */
  const made = (kind, text = "") => Object.assign(document.createElement(kind), { textContent: text });
  const told = document.getElementById("planrl-explain-data");
  const data = told && JSON.parse(told.textContent ?? "");

  /** @param {any} found @param {Record<string, string>} options @returns {HTMLElement[]} */
  const configSaid = (found, options) => {
    const parts = found.added.map((/** @type {string} */ name, /** @type {number} */ k) => `${name} (weight ${found.weights[k]})`);
    const out = [made("p"), made("p")];
    const row = [found.row || "no row of the sheet", ...parts].join(" + ");
    out[0].append(made("strong", row), ` · read as ${found.library}, ${Object.keys(options).length} options`);
    out[1].append(made("strong", found.diversity ? `Several correct answers: ${found.diversity}. ` : "No prediction. "));
    out[1].append(found.diversity ? `${found.says}.` : `${found.why.join("; ")}.`);
    const notes = made("ul");
    for (const note of found.notes) notes.append(made("li", note));
    if (found.unknown.length) notes.append(made("li", `Unknown options, not judged: ${found.unknown.join(", ")}.`));
    out.push(notes);
    const state = planrlExplain.labState(data, found);
    if (!state) return out;
    const link = /** @type {HTMLAnchorElement} */ (made("a", "the lab in this state"));
    link.href = `12_objective.html?lab=objectives&${state}`;
    const try_ = made("p", "Beside the same without penalty, or another objective: ");
    try_.append(link);
    out.push(try_);
    return out;
  };

  /** @param {string} text @returns {HTMLElement[]} */
  const ofConfig = (text) => {
    const { options, library } = planrlExplain.readConfig(text);
    return configSaid(planrlExplain.explain(data, options, library), options);
  };
  /** @param {string} text @returns {HTMLElement[]} */
  const ofLog = (text) => {
    const found = planrlExplain.regimes(data.log, planrlExplain.readLog(text, Object.values(data.log.names).flat()));
    if (!found.length) return [made("p", "None of the regimes that theory names here.")];
    return found.flatMap((/** @type {any} */ one) => {
      const said = made("p");
      said.append(made("strong", `${one.name[0].toUpperCase()}${one.name.slice(1)}. `), one.says);
      return [said];
    });
  };

  document.querySelectorAll(".planrl-explain").forEach((box) => {
    const area = /** @type {HTMLTextAreaElement} */ (box.querySelector("textarea"));
    const out = /** @type {HTMLElement} */ (box.querySelector("output"));
    const file = /** @type {HTMLInputElement} */ (box.querySelector("input[type=file]"));
    const said = box.getAttribute("data-kind") === "log" ? ofLog : ofConfig;
    const show = () => {
      if (!area.value.trim()) return out.replaceChildren();
      try {
        out.replaceChildren(...said(area.value));
      } catch (error) {
        out.replaceChildren(made("p", `Not read: ${/** @type {Error} */ (error).message}.`));
      }
    };
    const take = async (/** @type {File | undefined} */ one) => {
      if (!one) return;
      if (one.size > 20_000_000) return out.replaceChildren(made("p", "Not read: the file is larger than 20 MB."));
      area.value = await one.text();
      show();
    };
    area.addEventListener("input", show);
    file.addEventListener("change", () => take(file.files?.[0]));
    box.addEventListener("dragover", (event) => event.preventDefault());
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      take(/** @type {DragEvent} */ (event).dataTransfer?.files[0]);
    });
    box.querySelector("button")?.addEventListener("click", () => {
      area.value = area.placeholder;
      show();
    });
    show();
  });
}
