// Answers the cases of test_table_device.py with the client in JavaScript.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [client, cases] = process.argv.slice(2);
const { TableModel, decode, encode } = await import(pathToFileURL(client));

class Tensor {
  constructor(array) {
    this.array = array;
  }

  async data() {
    return this.array;
  }

  delete() {}
}

// Stands in for LiteRT's class: it answers always the same, and notes what it was given.
class Model {
  constructor({ inputs, outputs, answer }) {
    Object.assign(this, { inputs, outputs, answer });
  }

  getInputDetails() {
    return this.inputs;
  }

  getOutputDetails() {
    return this.outputs;
  }

  async run(tensors) {
    this.given = tensors.map(({ array }) => [array.constructor.name, ...array]);
    return [new Tensor(this.answer)];
  }
}

function encoded(row, encoding) {
  try {
    const { numbers, categories } = encode(row, encoding);
    return { numbers: [...numbers], categories: [...categories] };
  } catch (error) {
    return { error: error.message };
  }
}

async function predicted(row, { file, facts }) {
  const model = new Model(file);
  const { value, lower, upper } = await new TableModel(model, facts, Tensor).predict(row);
  return { prediction: [value, lower ?? null, upper ?? null], given: model.given };
}

const results = [];
for (const one of JSON.parse(readFileSync(cases, "utf8"))) {
  const { rows, facts, z } = one;
  if (one.file) results.push(await Promise.all(rows.map((row) => predicted(row, one))));
  else if (rows) results.push(rows.map((row) => encoded(row, facts.encoding)));
  else results.push(z.map((z) => decode(Float32Array.from(z), facts.encoding.target)));
}
console.log(JSON.stringify(results));
