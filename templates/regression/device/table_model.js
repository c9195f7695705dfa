/**
 * Predictions of an exported model for tables in a browser: a row in, a number out.
 *
 *     const facts = await (await fetch("encoded/model.json")).json();
 *     const model = await TableModel.load("encoded/model.tflite", facts, "wasm/");
 *     const { value, lower, upper } = await model.predict({ age: 48, bmi: 27.5 });
 *
 * `TableModel` needs the package @litertjs/core; the rest runs where JavaScript does.
 */

const [YEAR, WEEK] = [365.2425, 7]; // days
const MILLISECONDS = 86_400_000; // of a day
const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?Z?)?$/;
// What Python's str.strip takes off; trim differs from it.
const { source: SPACES } =
  /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
const ENDS = new RegExp(`^${SPACES}|${SPACES}$`, "g");
const float = Math.fround; // models are trained on what float32 makes of a number

/** A `.tflite` file of the folder `exports/encoded`. */
export class TableModel {
  #model;
  #facts;
  #Tensor;

  /**
   * @param model of LiteRT.
   * @param facts the content of the model.json beside the file.
   * @param Tensor LiteRT's class.
   */
  constructor(model, facts, Tensor) {
    this.#model = model;
    this.#facts = facts;
    this.#Tensor = Tensor;
  }

  /** Load a file, and before the first one LiteRT, from the folder of its `.wasm`. */
  static async load(url, facts, wasmFolder) {
    const litert = await import("@litertjs/core");
    await (litert.getGlobalLiteRtPromise() ?? litert.loadLiteRt(wasmFolder));
    const model = await litert.loadAndCompile(url, { accelerator: "wasm" });
    return new TableModel(model, facts, litert.Tensor);
  }

  /**
   * Return { value, lower, upper } in the target's own unit.
   *
   * The bounds are undefined unless the model was trained with an interval.
   *
   * @param row values by the names of the columns; what is left out is missing.
   */
  async predict(row) {
    const encoded = encode(row, this.#facts.encoding);
    const inputs = this.#model.getInputDetails().map(({ name, dtype, shape }) => {
      if (!encoded[name]) throw new Error(`${name}: no input of exports/encoded`);
      const bytes = dtype === "uint8" && this.#quantise(encoded[name], name);
      return new this.#Tensor(bytes || encoded[name], shape);
    });
    const [answer] = await this.#model.run(inputs);
    const z = await answer.data();
    for (const tensor of [...inputs, answer]) tensor.delete();
    const [{ name, dtype }] = this.#model.getOutputDetails();
    const scaled = dtype === "uint8" ? this.#dequantise(z, name) : z;
    const [value, lower, upper] = decode(scaled, this.#facts.encoding.target);
    return { value, lower, upper };
  }

  delete() {
    this.#model.delete();
  }

  #quantise(values, name) {
    const { scale, zero_point: zero } = this.#bytes.inputs[name];
    // A clamped array rounds, and clips to 0 to 255.
    return new Uint8Array(Uint8ClampedArray.from(values, (x) => x / scale + zero));
  }

  #dequantise(values, name) {
    const { scale, zero_point: zero } = this.#bytes.outputs[name];
    return Array.from(values, (byte) => (byte - zero) * scale);
  }

  // LiteRT.js says which tensors are bytes, and model.json what they stand for.
  get #bytes() {
    const known = this.#facts.files.find(({ format }) => format === "tflite-int8");
    if (!known) throw new Error("model.json tells of no file that takes bytes.");
    return known;
  }
}

/**
 * Return what a row is to the network: { numbers, categories }.
 *
 * @param row numbers, texts, booleans and dates by the names of the columns; what is
 *   left out or null is missing. A date is a text, or days since 1970-01-01.
 * @param encoding of model.json.
 */
export function encode(row, { columns }) {
  const names = columns.map(({ name }) => name);
  const unknown = Object.keys(row).filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    throw new Error(`${unknown[0]} is none of the columns ${names.join(", ")}`);
  }
  const numbers = [];
  const categories = [];
  for (const column of columns) {
    const value = Object.hasOwn(row, column.name) ? row[column.name] : null;
    if (column.kind === "category") categories.push(codeOf(value, column));
    else numbers.push(...numbersOf(value, column));
  }
  return {
    numbers: Float32Array.from(numbers),
    categories: Int32Array.from(categories),
  };
}

/** Return the place of a category in its vocabulary, from 1; others all have 0. */
function codeOf(value, { name, vocabulary, boolean: anyCase }) {
  let isMeant;
  if (typeof value === "number") {
    isMeant = (word) => word === String(value);
  } else if (typeof value === "boolean") {
    const words = value ? ["true", "yes"] : ["false", "no"];
    isMeant = (word) => words.includes(word.toLowerCase());
  } else if (typeof (value ?? "") === "string") {
    const cased = (text) => (anyCase ? text.toLowerCase() : text);
    const text = cased((value ?? "").replace(ENDS, ""));
    isMeant = (word) => cased(word) === text;
  } else {
    throw new TypeError(`${name} is ${value}, which is no category`);
  }
  return vocabulary.findIndex(isMeant) + 1;
}

function numbersOf(value, column) {
  const given = float(numberOf(value, column));
  const known = Number.isNaN(given) ? float(column.fill) : given;
  const x = Math.min(Math.max(known, float(column.low)), float(column.high));
  const standardised = float(float(x - float(column.center)) / float(column.scale));
  const numbers = [column.quantiles ? normalOf(x, column) : standardised];
  if (column.kind === "date") {
    for (const period of (column.periods ?? [YEAR, WEEK]).map(float)) {
      const begin = float(period * Math.floor(x / period));
      const turn = float(float(float(2 * Math.PI) / period) * float(x - begin));
      numbers.push(Math.sin(turn), Math.cos(turn));
    }
  }
  if (column.flag) numbers.push(Number.isNaN(given) ? 1 : 0);
  return numbers;
}

function numberOf(value, { name, kind }) {
  if (typeof value === "number") return value;
  if (value === null || value === undefined) return NaN;
  if (typeof value === "boolean" && kind === "number") return Number(value);
  const days = typeof value === "string" && kind === "date" ? daysOf(value) : NaN;
  if (!Number.isNaN(days)) return days;
  throw new TypeError(`${name} is ${JSON.stringify(value)}, which is no ${kind}`);
}

/** Return the days from 1970-01-01 to a date, with a time or without, or NaN. */
function daysOf(text) {
  const [, date, time = "00:00"] = ISO.exec(text) ?? [];
  const milliseconds = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(milliseconds)) return NaN;
  // What is parsed may be the 30th of February.
  const exists = new Date(milliseconds).toISOString().startsWith(date);
  return exists ? milliseconds / MILLISECONDS : NaN;
}

/** Return what a number would be in a normal sample: a line between two quantiles. */
function normalOf(x, { quantiles, normals }) {
  const right = quantiles.findIndex((knot) => float(knot) > x);
  if (right < 1) return right === 0 ? normals[0] : normals.at(-1);
  const left = right - 1;
  const [from, to] = [float(quantiles[left]), float(quantiles[right])];
  return ((normals[right] - normals[left]) / (to - from)) * (x - from) + normals[left];
}

/**
 * Return a network's outputs in the target's own unit.
 *
 * @param z the prediction; or it and the bounds of its interval.
 * @param target of the encoding.
 */
export function decode(z, { transform, center, scale, power, unit }) {
  return Array.from(z, (output) => {
    const x = output * scale + center;
    if (transform === "log") return Math.exp(x);
    if (transform === "box_cox") return unit * grow(x, power);
    if (transform !== "yeo_johnson") return x;
    return x >= 0 ? grow(x, power) - 1 : 1 - grow(-x, 2 - power);
  });
}

/** Undo Box and Cox's transform. */
function grow(x, power) {
  if (Math.abs(power) < 1e-6) return Math.exp(x);
  return Math.max(power * x + 1, 1e-12) ** (1 / power);
}
