/**
 * Answers of an exported image classifier in a browser: image in, classes out.
 *
 *     const facts = await (await fetch("model.json")).json();
 *     const file = await ImageFile.load("model.tflite", facts, "wasm/");
 *     const [best] = await new ImageClassifier(file, facts).answers(imageElement);
 *     console.log(best.label, best.probability);
 *
 * `ImageFile` needs the package @litertjs/core, `pixelsOf` a browser; the rest runs
 * wherever JavaScript does.
 */

/** A `.tflite` file of a classifier, whether it takes floats or bytes. */
export class ImageFile {
  #model;
  #Tensor;
  #input;
  #output;

  constructor(model, Tensor, facts) {
    this.#model = model;
    this.#Tensor = Tensor;
    const [{ dtype }] = model.getInputDetails();
    // LiteRT does not tell scales here. The type will do: one file alone takes bytes.
    const known = facts.files.find(({ inputs }) => only(inputs)?.dtype === dtype);
    if (!known) throw new Error(`No file of model.json takes ${dtype}.`);
    this.#input = only(known.inputs);
    this.#output = only(known.outputs);
  }

  /** Load a file, and before the first one LiteRT, from the folder of its `.wasm`. */
  static async load(url, facts, wasmFolder) {
    const litert = await import("@litertjs/core");
    await (litert.getGlobalLiteRtPromise() ?? litert.loadLiteRt(wasmFolder));
    const model = await litert.loadAndCompile(url, { accelerator: "wasm" });
    return new ImageFile(model, litert.Tensor, facts);
  }

  /** Return the probability of every class. */
  async probabilities(pixels) {
    const input = new this.#Tensor(quantised(pixels, this.#input), this.#input.shape);
    const [output] = await this.#model.run([input]);
    const values = await output.data();
    for (const tensor of [input, output]) tensor.delete(); // has to be done by hand
    return dequantised(values, this.#output);
  }

  delete() {
    this.#model.delete();
  }
}

function only(tensors) {
  return Object.values(tensors)[0];
}

/** Images in, classes out. */
export class ImageClassifier {
  #file;
  #facts;

  /**
   * @param file an ImageFile, or anything with its `probabilities`.
   * @param facts the content of model.json.
   */
  constructor(file, facts) {
    this.#file = file;
    this.#facts = facts;
  }

  /**
   * Return the likeliest classes, as { label, probability }; the best first.
   *
   * @param image an ImageData, or what `pixelsOf` takes.
   * @param top how many classes at most.
   */
  async answers(image, { top = 5 } = {}) {
    const pixels = prepare(image.data ? image : pixelsOf(image), this.#facts);
    const probabilities = await this.#file.probabilities(pixels);
    return Array.from(probabilities, (probability, i) => {
      return { label: this.#facts.labels[i], probability };
    })
      .sort((a, b) => b.probability - a.probability)
      .slice(0, top);
  }
}

/**
 * Return an image of any size as a model takes it: (height, width, channels), 0 to 255.
 * It does what training did, with the same bits as Pillow.
 *
 * @param image RGBA with alpha not multiplied in, as an ImageData has it.
 * @param facts the content of model.json.
 */
export function prepare(image, { input_shape: shape, fit = "crop" }) {
  const [height, width, channels] = shape;
  const part = partOf(image, width, height, fit);
  const inner = resized(image, channels, part);
  // What `pad` leaves around it is black; the others leave nothing.
  const pixels = new Uint8Array(height * width * channels);
  const left = Math.floor((width - part.width) / 2);
  const top = Math.floor((height - part.height) / 2);
  const size = part.width * channels; // of a row
  for (let y = 0; y < part.height; y++) {
    const row = inner.subarray(y * size, (y + 1) * size);
    pixels.set(row, ((top + y) * width + left) * channels);
  }
  return pixels;
}

/** Return which box of an image is taken, and what size it is brought to. */
function partOf(image, width, height, fit) {
  const whole = { across: [0, image.width], down: [0, image.height], width, height };
  if (fit === "stretch") return whole;
  if (fit === "crop") {
    const [own, ratio] = [image.width / image.height, width / height];
    const boxWidth = own > ratio ? ratio * image.height : image.width;
    const boxHeight = own < ratio ? image.width / ratio : image.height;
    const [left, top] = [(image.width - boxWidth) / 2, (image.height - boxHeight) / 2];
    return { ...whole, across: [left, left + boxWidth], down: [top, top + boxHeight] };
  }
  if (fit === "pad") {
    const scale = Math.min(width / image.width, height / image.height);
    const [innerWidth, innerHeight] = [image.width, image.height].map((length) =>
      Math.max(1, rounded(length * scale)),
    );
    return { ...whole, width: innerWidth, height: innerHeight };
  }
  throw new Error(`"${fit}" as fit; only crop, pad and stretch are known.`);
}

/** Resize a part of an image bilinearly with antialiasing; the rows come first. */
function resized(image, channels, { width, height, ...box }) {
  const across = filters(image.width, box.across, width);
  const down = filters(image.height, box.down, height);
  const size = width * channels; // of a row that is done
  const rows = new Uint8Array(image.height * size);
  const last = down.at(-1);
  for (let y = down[0].first; y < last.first + last.weights.length; y++) {
    const row = rowOf(image, y, channels);
    for (let i = 0; i < size; i++) {
      const filter = across[Math.floor(i / channels)];
      rows[y * size + i] = weighed(row, filter, channels, i % channels);
    }
  }
  const pixels = new Uint8Array(height * size);
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = weighed(rows, down[Math.floor(i / size)], size, i % size);
  }
  return pixels;
}

/**
 * Return which values make each result, and their weights, as whole numbers whose sum
 * is about 2 ** 22: Pillow's arithmetic.
 */
function filters(length, [from, to], count) {
  const start = Math.fround(from); // Pillow keeps a box in single precision
  const scale = Math.fround(Math.fround(to) - start) / count;
  const reach = Math.max(scale, 1);
  return Array.from({ length: count }, (_, i) => {
    const center = start + (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const end = Math.min(length, Math.trunc(center + reach + 0.5));
    const weights = [];
    for (let x = first; x < end; x++) {
      weights.push(Math.max(0, 1 - Math.abs((x - center + 0.5) * (1 / reach))));
    }
    const sum = weights.reduce((a, b) => a + b);
    const whole = (weight) => Math.floor(0.5 + (weight / sum) * 2 ** 22);
    return { first, weights: weights.map(whole) };
  });
}

function weighed(values, { first, weights }, step, offset) {
  let sum = 2 ** 21; // a half, to round
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i] * values[(first + i) * step + offset];
  }
  return sum >> 22;
}

/** Return a row of an image on white, grey or in colour. */
function rowOf({ data, width }, y, channels) {
  const row = new Uint8Array(width * channels);
  for (let x = 0; x < width; x++) {
    const i = 4 * (y * width + x);
    const alpha = data[i + 3];
    const red = onWhite(data[i], alpha);
    const green = onWhite(data[i + 1], alpha);
    const blue = onWhite(data[i + 2], alpha);
    if (channels === 1) {
      row[x] = (19595 * red + 38470 * green + 7471 * blue + 2 ** 15) >> 16; // ITU-R 601
    } else {
      row[3 * x] = red;
      row[3 * x + 1] = green;
      row[3 * x + 2] = blue;
    }
  }
  return row;
}

function onWhite(value, alpha) {
  return 255 - Math.floor(((255 - value) * alpha + 127) / 255);
}

/** Round as Python does: a half to the even neighbour. */
function rounded(number) {
  const above = Math.round(number);
  return above - number === 0.5 && above % 2 ? above - 1 : above;
}

/** Return pixels, 0 to 255, as values of a tensor. */
function quantised(pixels, { dtype, scale, zero_point: zero }) {
  if (dtype === "float32") return Float32Array.from(pixels);
  if (dtype !== "uint8") throw new Error(`A file that takes ${dtype} is not known.`);
  const values = Uint8ClampedArray.from(pixels, (p) => rounded(p / scale) + zero);
  return new Uint8Array(values.buffer);
}

/** Return the numbers that values of a tensor stand for. */
function dequantised(values, { scale, zero_point: zero }) {
  return scale ? Float32Array.from(values, (v) => (v - zero) * scale) : values;
}

/** Return the pixels of whatever a canvas can draw, laid on white. */
export function pixelsOf(image) {
  const width = image.naturalWidth ?? image.videoWidth ?? image.width;
  const height = image.naturalHeight ?? image.videoHeight ?? image.height;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, width, height);
}
