// Answers the cases of test_image_device.py with the client in JavaScript.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [client, cases] = process.argv.slice(2);
const { ImageClassifier, ImageFile, prepare } = await import(pathToFileURL(client));

class Tensor {
  constructor(values, shape) {
    if (values.length !== shape.reduce((a, b) => a * b)) throw new Error(`${shape}`);
    this.values = values;
  }

  async data() {
    return this.values;
  }

  delete() {}
}

/** Gives what it is given: as many values as there are classes. */
class Model {
  constructor({ inputs, outputs }) {
    [this.tensor] = Object.values(inputs);
    [, this.count] = Object.values(outputs)[0].shape;
  }

  getInputDetails() {
    return [this.tensor];
  }

  async run([{ values }]) {
    const wanted = this.tensor.dtype === "uint8" ? Uint8Array : Float32Array;
    if (!(values instanceof wanted)) throw new Error(values.constructor.name);
    const some = values.slice(0, this.count);
    return [new Tensor(some, [1, some.length])];
  }
}

const results = [];
for (const { rgba, facts, file, ...size } of JSON.parse(readFileSync(cases, "utf8"))) {
  const image = { ...size, data: Buffer.from(rgba, "base64") };
  const model = new ImageFile(new Model(file), Tensor, facts);
  const answers = await new ImageClassifier(model, facts).answers(image);
  results.push({
    pixels: [...prepare(image, facts)],
    answers: answers.map(({ label, probability }) => [label, probability]),
  });
}
console.log(JSON.stringify(results));
