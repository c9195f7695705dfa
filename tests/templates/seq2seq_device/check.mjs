// Answers the cases of test_seq2seq_device.py with the client in JavaScript.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { answersOf } from "./answers.mjs";

const [client, file] = process.argv.slice(2);
const cases = JSON.parse(readFileSync(file, "utf8"));
const { TextModel, search } = await import(pathToFileURL(client));

class Tables {
  constructor({ tables, source_length }) {
    this.tables = tables;
    this.sourceLength = source_length;
    this.maxLength = 0;
  }

  async begin(source) {
    this.maxLength = this.tables.length;
    return source.reduce((a, b) => a + b) % this.tables[0].length;
  }

  async step(token, position, kept) {
    const logits = Float32Array.from(this.tables[position][kept]);
    return { logits, kept: (5 * kept + token + 1) % this.tables[0].length };
  }
}

const results = [];
for (const example of cases) {
  const tables = new Tables(example);
  const client = new TextModel(tables, example.facts);
  results.push(...(await answersOf(tables, client, search, example)));
}
console.log(JSON.stringify(results));
