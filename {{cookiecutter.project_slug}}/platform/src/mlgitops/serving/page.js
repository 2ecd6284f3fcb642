"use strict";
const facts = JSON.parse(document.getElementById("facts").textContent);
const $ = (id) => document.getElementById(id);
const inputs = new Map();
let example = -1;

function element(tag, text, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  if (text !== null) made.textContent = text;
  return made;
}

function number(value) {
  return Math.abs(value) >= 1e6 || (value && Math.abs(value) < 1e-3) ? value.toExponential(3) : +value.toFixed(4) + "";
}

function percent(share) {
  return (100 * share).toFixed(1) + " %";
}

function options(field) {
  const values = field.type === "boolean" ? ["true", "false"] : field.categories;
  return values && (field.missing ? [""] : []).concat(values);
}

function control(field) {
  const choices = options(field);
  if (choices) {
    const select = element("select", null);
    for (const value of choices) select.append(element("option", value || "(missing)", { value }));
    return select;
  }
  const kinds = { number: "number", integer: "number", datetime: "datetime-local", date: "date" };
  const input = element("input", null, { type: kinds[field.type] || "text" });
  if (field.type === "number") input.step = "any";
  if (field.missing) input.placeholder = "missing";
  return input;
}

function bound(value) {
  return typeof value === "number" ? number(value) : value.replace("T00:00:00", "").replace("T", " ");
}

function range({ min, max }) {
  if (min !== null && max !== null) return bound(min) + " to " + bound(max);
  if (min !== null) return "from " + bound(min);
  return max !== null ? "up to " + bound(max) : "";
}

function build() {
  facts.fields.forEach((field, position) => {
    const box = element("div", null, { className: "field" });
    const input = control(field);
    input.id = "field" + position;
    const hint = element("small", [field.description, range(field)].filter(Boolean).join("; "), { id: "hint" + position });
    const wrong = element("small", "", { className: "wrong" });
    input.setAttribute("aria-describedby", hint.id);
    box.append(element("label", field.name, { htmlFor: input.id }), input, wrong, hint);
    $("fields").append(box);
    inputs.set(field.name, { field, input, wrong });
  });
}

function cell({ field, input }) {
  if (input.value === "") return field.missing ? null : undefined;
  if (field.type === "boolean") return input.value === "true";
  return field.type === "number" || field.type === "integer" ? Number(input.value) : input.value;
}

function write() {
  const row = {};
  for (const [name, each] of inputs) row[name] = cell(each);
  $("body").value = JSON.stringify(row, null, 2);
}

function show(row) {
  for (const [name, { input }] of inputs) input.value = row[name] === null || row[name] === undefined ? "" : String(row[name]);
}

function next() {
  example = (example + 1) % facts.rows.length;
  show(facts.rows[example]);
  write();
}

function share(name, value, tick) {
  const box = element("div", null, { className: "share" });
  const track = element("div", null, { className: "track" });
  const fill = element("i", null);
  fill.style.width = 100 * value + "%";
  track.append(fill);
  if (tick !== undefined) {
    const mark = element("u", null, { title: "decision threshold " + percent(tick) });
    mark.style.left = 100 * tick + "%";
    track.append(mark);
  }
  box.append(element("span", name), element("b", percent(value)), track);
  return box;
}

function format(value) {
  return typeof value === "number" ? number(value) : String(value);
}

function single(answer) {
  const label = typeof answer.prediction === "boolean" ? (answer.prediction ? "" : "not ") + facts.target : format(answer.prediction);
  const parts = [element("p", label, { className: "big" })];
  if ("probability" in answer) {
    const positive = typeof answer.prediction === "boolean" ? facts.target : facts.classes[1];
    parts.push(share("probability of “" + positive + "”", answer.probability, facts.threshold));
    parts.push(element("p", "Decision threshold for “" + positive + "”: " + percent(facts.threshold) + ", marked.", { className: "note" }));
  }
  const shares = Object.entries(answer.probabilities || {}).sort((a, b) => b[1] - a[1]);
  parts.push(...shares.slice(0, 8).map(([name, value]) => share(name, value)));
  return parts;
}

function multiple(answers) {
  const table = element("table", null);
  const box = element("div", null, { className: "scroll", tabIndex: 0 });
  box.append(table);
  for (const name of ["row", facts.target, "probability" in answers[0] ? "probability" : ""]) table.append(element("th", name));
  answers.slice(0, 50).forEach((answer, row) => {
    const line = table.insertRow();
    const probability = "probability" in answer ? percent(answer.probability) : "";
    for (const text of [row, format(answer.prediction), probability]) line.insertCell().textContent = text;
  });
  return [box, element("p", answers.length + " rows", { className: "note" })];
}

function refused(error) {
  const box = element("div", null, { className: "refused" });
  box.append(element("b", error.error));
  const list = element("ul", null);
  for (const { row, field, message } of error.details || []) {
    list.append(element("li", [row ? "row " + row : "", field, message].filter(Boolean).join(": ")));
    const shown = inputs.get(field);
    if (shown && !row) {
      shown.wrong.textContent = message;
      shown.input.setAttribute("aria-invalid", "true");
    }
  }
  if (list.children.length) box.append(list);
  return [box];
}

function reason({ field, contribution }, largest, shares) {
  const box = element("div", null, { className: "share" });
  const track = element("div", null, { className: "track" });
  const length = largest && 50 * Math.abs(contribution) / largest;
  const fill = element("i", null, { className: contribution < 0 ? "less" : "" });
  fill.style.width = length + "%";
  fill.style.left = (contribution < 0 ? 50 - length : 50) + "%";
  const middle = element("u", null);
  middle.style.left = "50%";
  track.append(fill, middle);
  const amount = shares ? (100 * contribution).toFixed(1) + " %" : number(contribution);
  box.append(element("span", field), element("b", (contribution > 0 ? "+" : "") + amount), track);
  return box;
}

function reasons({ base, reasons: all }) {
  const shares = facts.classes.length > 0;
  const strongest = all.slice(0, 5);
  const largest = Math.abs(strongest[0].contribution);
  const box = element("div", null, { className: "reasons" });
  const average = shares ? percent(base) : number(base);
  box.append(
    element("h3", strongest.length > 1 ? "The " + strongest.length + " strongest reasons" : "Reason"),
    ...strongest.map((each) => reason(each, largest, shares)),
    element("p", "What each field adds to the mean prediction, " + average + ".", { className: "note" }),
  );
  return box;
}

async function explain(body) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch("explain", { method: "POST", headers, body });
  if (response.ok && $("body").value === body) $("reasons").replaceChildren(reasons(await response.json()));
}

async function send(event) {
  event.preventDefault();
  for (const { input, wrong } of inputs.values()) {
    wrong.textContent = "";
    input.removeAttribute("aria-invalid");
  }
  $("send").disabled = true;
  $("reasons").replaceChildren();
  const start = performance.now();
  try {
    const headers = { "Content-Type": "application/json" };
    const body = $("body").value;
    const response = await fetch("predict", { method: "POST", headers, body });
    const answer = await response.json();
    const milliseconds = Math.max(1, Math.round(performance.now() - start));
    const content = !response.ok ? refused(answer) : Array.isArray(answer) ? multiple(answer) : single(answer);
    $("answer").replaceChildren(...content, element("p", "HTTP " + response.status + " in " + milliseconds + " ms", { className: "note" }));
    if (facts.explained && response.ok && !Array.isArray(answer)) explain(body).catch(() => {}); // the answer stands alone
  } catch {
    $("answer").replaceChildren(...refused({ error: "no response from the service" }));
  } finally {
    $("send").disabled = false;
  }
  if (matchMedia("(max-width: 56rem)").matches && event.isTrusted) $("answer").scrollIntoView({ block: "center", behavior: "smooth" });
}

async function copy() {
  const body = JSON.stringify(JSON.parse($("body").value)).replaceAll("'", "'\\''");
  const url = new URL("predict", location.href);
  await navigator.clipboard.writeText("curl " + url + " -H 'Content-Type: application/json' -d '" + body + "'");
  $("copy").textContent = "Copied";
  setTimeout(() => ($("copy").textContent = "Copy as curl"), 1500);
}

build();
next();
$("form").addEventListener("submit", send);
$("form").addEventListener("input", write);
$("next").addEventListener("click", next);
$("copy").addEventListener("click", copy);
$("body").addEventListener("input", () => {
  try {
    const row = JSON.parse($("body").value);
    if (row && !Array.isArray(row)) show(row);
  } catch {
    // not JSON yet: the form follows when it is
  }
});
$("form").requestSubmit();
