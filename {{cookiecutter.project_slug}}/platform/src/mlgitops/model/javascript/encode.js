// Scores rows with this exported model in Node and in the browser, with onnxruntime-node or onnxruntime-web:
// the same answers as the service, and the same rows refused. features.json says what the model reads,
// manifest.json has the threshold, and the interval of numbers.
//
//     import { load } from "./encode.js";
//     const model = await load(ort, name => readFile(new URL(name, import.meta.url)));   // in Node
//     await model.verify();                                                              // the golden rows
//     const answers = await model.predict([{ distance: 1400, ... }]);

const FORMAT = 1; // of features.json
const ONE_THREAD = { intraOpNumThreads: 1, interOpNumThreads: 1 }; // as the service: several add in another order
const DAY = 86_400; // seconds
const DAY_ZERO = Date.UTC(2000, 0, 1) / 1000;
const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?$/;
const BLANK = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const BLANKS = new RegExp(`^[${BLANK}]+|[${BLANK}]+$`, "g");
const PARTS = {
  days: seconds => (seconds - DAY_ZERO) / DAY,
  month: seconds => new Date(seconds * 1000).getUTCMonth() + 1,
  day: seconds => new Date(seconds * 1000).getUTCDate(),
  weekday: seconds => (new Date(seconds * 1000).getUTCDay() + 6) % 7,
  hour: seconds => new Date(seconds * 1000).getUTCHours(),
};

/** Rows that break the contract; `details` has row, field and message of each error, as in the service's answer. */
export class RowError extends Error {
  constructor(details) {
    super(details.slice(0, 5).map(d => `row ${d.row}, ${d.field}: ${d.message}`).join("; "));
    this.details = details;
  }
}

/**
 * Load the model. `ort` is onnxruntime-node or onnxruntime-web; `read(name)` resolves to the bytes of a file of the
 * export. `functions` computes what features.onnx does not: by name, a function of one row's values.
 */
export async function load(ort, read, functions = {}) {
  const manifest = JSON.parse(text(await read("manifest.json")));
  const checked = async name => {
    const bytes = new Uint8Array(await read(name));
    if (await digest(bytes) !== manifest.files[name]) throw new Error(`${name} is not the file that was exported`);
    return bytes;
  };
  const facts = { ...JSON.parse(text(await checked("features.json"))), threshold: manifest.threshold,
    interval: manifest.interval ?? null };
  if (facts.format !== FORMAT) {
    throw new Error(`features.json has format ${facts.format}, and this client reads format ${FORMAT}: take the ` +
      "encode.js of the same export");
  }
  const missing = Object.entries(facts.functions).filter(([name, f]) => f.python_only !== null && !functions[name]);
  if (missing.length) {
    const reasons = missing.map(([name, f]) => `${name} (it ${f.python_only})`).join(", ");
    throw new Error(`features.py runs in Python only: pass a function of one row's values for ${reasons}`);
  }
  const session = await ort.InferenceSession.create(await checked("model.onnx"), ONE_THREAD);
  const graph = manifest.files["features.onnx"]
    ? await ort.InferenceSession.create(await checked("features.onnx"), ONE_THREAD) : null;
  const golden = async () => JSON.parse(text(await checked("golden.json")));
  return new Model(ort, facts, session, graph, functions, golden);
}

class Model {
  constructor(ort, facts, session, graph, functions, golden) {
    Object.assign(this, { ort, facts, session, graph, functions, golden });
  }

  /** Resolve to one answer per row; throws RowError. */
  async predict(rows) {
    if (!Array.isArray(rows)) return (await this.predict([rows]))[0];
    if (!rows.length) throw new Error("there are no rows to score");
    const columns = parse(rows, this.facts);
    const inputs = encode(columns, await this.computed(columns, rows.length), rows.length, this.facts);
    const feeds = {};
    for (const name of this.session.inputNames) {
      const [type, values] = inputs[name];
      feeds[name] = new this.ort.Tensor(type, values, [rows.length, 1]);
    }
    const { data } = (await this.session.run(feeds, [this.facts.output]))[this.facts.output];
    return answers(data, rows.length, this.facts);
  }

  /** Resolve to the number of golden rows; throws if one, alone or among all, is answered otherwise than in Python. */
  async verify() {
    const { rows, answers } = await this.golden();
    const together = await this.predict(rows);
    for (const [number, row] of rows.entries()) {
      const expected = JSON.stringify(answers[number]);
      for (const answer of [together[number], await this.predict(row)]) {
        const actual = JSON.stringify(answer);
        if (actual !== expected) throw new Error(`golden row ${number}: ${actual} instead of ${expected}`);
      }
    }
    return rows.length;
  }

  /** Resolve to the values of the functions of features.py, by name. */
  async computed(columns, n) {
    const values = {};
    if (this.graph) {
      const feeds = {};
      for (const name of this.graph.inputNames) {
        const numbers = Float64Array.from(columns[name], value => value === null ? NaN : Number(value));
        feeds[name] = new this.ort.Tensor("float64", numbers, [n]);
      }
      const results = await this.graph.run(feeds);
      for (const name of this.graph.outputNames) values[name] = results[name].data;
    }
    for (const [name, own] of Object.entries(this.functions)) {
      const reads = this.facts.functions[name]?.columns;
      if (!reads) throw new Error(`features.py has no function ${name}`);
      values[name] = Array.from({ length: n }, (_, row) => own(...reads.map(column => columns[column][row])));
    }
    return values;
  }
}

/** Return the columns of `rows`: numbers, strings, and seconds since 1970 in the column's zone; null where missing. */
export function parse(rows, facts) {
  const details = [];
  const columns = Object.fromEntries(Object.keys(facts.fields).map(name => [name, []]));
  rows.forEach((row, number) => {
    if (row === null || typeof row !== "object" || Array.isArray(row)) {
      details.push({ row: number, field: null, message: "Input should be an object" });
      return;
    }
    for (const name of Object.keys(row)) {
      if (!Object.hasOwn(facts.fields, name)) {
        details.push({ row: number, field: name, message: "There is no such field" });
      }
    }
    for (const [name, field] of Object.entries(facts.fields)) {
      if (!Object.hasOwn(row, name) || row[name] === undefined) {
        if (!field.missing) details.push({ row: number, field: name, message: "Field is required" });
        columns[name].push(null);
        continue;
      }
      try {
        columns[name].push(value(row[name], field));
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        columns[name].push(null);
        details.push({ row: number, field: name, message: error.message });
      }
    }
  });
  if (details.length) throw new RowError(details);
  return columns;
}

/** Return the inputs of the model as [type, values], by name. */
function encode(columns, computed, n, facts) {
  return Object.fromEntries(facts.features.map(feature => {
    const cells = feature.function ? computed[feature.function] : columns[feature.column];
    if (feature.kind === "category") {
      return [feature.name, ["string", Array.from(cells, cell => typeof cell === "string" ? cell : "")]];
    }
    if (feature.kind === "text") return [feature.name, ["string", Array.from(cells, words)]];
    const number = feature.part ? PARTS[feature.part] : Number;
    return [feature.name, ["float32", Float32Array.from(cells, cell => cell === null ? NaN : number(cell))]];
  }));
}

/** Return the words of a text in lower case, with one blank between two, as the model's vocabulary has them. */
function words(text) {
  return (typeof text === "string" ? text.normalize("NFKC").toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [] : []).join(" ");
}

/** Return one answer per row for the output of the model. */
function answers(data, n, facts) {
  const { classes, threshold, prediction, interval } = facts;
  if (data.some(number => !Number.isFinite(number))) throw new Error("the model cannot score a row: numbers are too large");
  const k = classes.length;
  return Array.from({ length: n }, (_, row) => {
    if (!k && interval) return { prediction: data[row], low: data[row] + interval[0], high: data[row] + interval[1] };
    if (!k) return { prediction: data[row] };
    const shares = Array.from(data.subarray(row * k, row * k + k));
    if (k === 2) {
      const labels = prediction === "boolean" ? [false, true] : classes;
      return { prediction: labels[Number(shares[1] >= threshold)], probability: shares[1] };
    }
    const best = shares.indexOf(Math.max(...shares));
    return { prediction: classes[best], probabilities: Object.fromEntries(classes.map((c, i) => [c, shares[i]])) };
  });
}

/** Return the value of one field as the model reads it; throws TypeError. */
function value(sent, field) {
  const word = typeof sent === "string" ? sent.trim() : sent;
  const temporal = field.type === "datetime" || field.type === "date";
  if (!temporal && field.missing_values.includes(word)) sent = null;
  if (temporal && typeof word === "string" && field.missing_values.includes(word)) sent = null;
  if (sent === null) {
    if (!field.missing) throw new TypeError("Input should not be missing");
    return null;
  }
  if (field.type === "boolean") {
    if (typeof sent !== "boolean") throw new TypeError("Input should be a valid boolean");
    return sent;
  }
  if (field.type === "number" || field.type === "integer") return number(sent, field);
  if (typeof sent !== "string") throw new TypeError("Input should be a valid string");
  return temporal ? time(sent, field) : string(sent, field);
}

function number(sent, field) {
  const hint = field.spelled && typeof sent === "string" ? ": only the service reads other spellings" : "";
  if (typeof sent !== "number" || !Number.isFinite(sent)) throw new TypeError(`Input should be a valid number${hint}`);
  if (field.type === "integer" && !Number.isInteger(sent)) throw new TypeError("Input should be a whole number");
  if (sent < field.min) throw new TypeError(`Input should be greater than or equal to ${field.min}`);
  if (sent > field.max) throw new TypeError(`Input should be less than or equal to ${field.max}`);
  return sent;
}

function string(sent, field) {
  let normal = field.normalize.includes("trim") ? sent.replace(BLANKS, "") : sent;
  if (field.normalize.includes("lower")) normal = normal.toLowerCase();
  if (field.categories) {
    if (!field.categories.includes(normal)) throw new TypeError(`Input should be one of ${field.categories.join(", ")}`);
    return normal;
  }
  if (!normal.replace(BLANKS, "")) throw new TypeError("String should have at least 1 character");
  if ([...normal].length > field.max_length) {
    throw new TypeError(`String should have at most ${field.max_length} characters`);
  }
  return normal;
}

function time(sent, field) {
  const found = TIME.exec(sent);
  if (!found || (field.type === "date" && sent.length !== 10)) {
    throw new TypeError("Input should be a date, or a date and time, as in ISO 8601");
  }
  let exact = instant(found);
  if (found[8]) {
    if (!field.zone) {
      throw new TypeError("Input should have no time zone, as the times of this column have none");
    }
    exact = local(exact - offset(found[8]), field.zone);
  }
  if (field.missing_values.some(word => seconds(word) === exact)) return value(null, field);
  if (exact < seconds(field.min)) throw new TypeError(`Input should not be before ${field.min}`);
  if (exact > seconds(field.max)) throw new TypeError(`Input should not be after ${field.max}`);
  return Math.floor(exact);
}

function seconds(word) {
  const found = typeof word === "string" ? TIME.exec(word) : null;
  return found ? instant(found) : NaN;
}

/** Return the seconds since 1970 of a matched time, read as if it were UTC; throws TypeError if there is none such. */
function instant([, year, month, day, hour = 0, minute = 0, second = 0, fraction = "0"]) {
  const at = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(at);
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(day) && hour < 24 && minute < 60
    && second < 60;
  if (!exists) throw new TypeError("Input should be an existing date or time");
  return at / 1000 + Number(`0.${fraction.slice(0, 6)}`);
}

function offset(zone) {
  if (zone === "Z") return 0;
  const [hours, minutes] = zone.slice(1).split(":").map(Number);
  if (hours > 23 || minutes > 59) throw new TypeError("Input should be an existing date or time");
  return (zone[0] === "-" ? -1 : 1) * (hours * 3600 + minutes * 60);
}

/** Return what clocks in `zone` show, as seconds since 1970, at an instant. */
function local(exact, zone) {
  if (zone === "UTC") return exact;
  const options = { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const whole = Math.floor(exact);
  const shown = Object.fromEntries(new Intl.DateTimeFormat("en-US", options).formatToParts(new Date(whole * 1000))
    .map(part => [part.type, Number(part.value)]));
  return Date.UTC(shown.year, shown.month - 1, shown.day, shown.hour, shown.minute, shown.second) / 1000
    + (exact - whole);
}

function text(bytes) {
  return new TextDecoder().decode(bytes);
}

async function digest(bytes) {
  if (!globalThis.crypto?.subtle) throw new Error("files are verified in a secure context only: use https or localhost");
  const hash = new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, byte => byte.toString(16).padStart(2, "0")).join("");
}
