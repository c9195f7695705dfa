/**
 * Answers of an exported sequence-to-sequence model in a browser: text in, text out.
 *
 *     const file = await StepFile.load("steps/model.tflite", "wasm/");
 *     const facts = await (await fetch("steps/model.json")).json();
 *     const [best] = await new TextModel(file, facts).answers("keras");
 *     console.log(best.text, best.score);
 *
 * `StepFile` needs the package @litertjs/core; the rest runs wherever JavaScript does.
 */

const [PAD, START, END, UNKNOWN] = [0, 1, 2, 3];
const NEVER = -1e9; // stands for the logarithm of 0
const UNKNOWN_TEXT = "\ufffd"; // what an unknown token of an answer is shown as
// What Python's str.split takes for a space; \s differs from it.
const SPACES =
  /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** A `.tflite` file with the signatures `encode` and `decode_step`. */
export class StepFile {
  #model;
  #Tensor;
  maxLength = 0; // tokens of an answer, END included; known after `begin`

  constructor(model, Tensor) {
    this.#model = model;
    this.#Tensor = Tensor;
    const [source] = model.signatures.encode.getInputDetails();
    this.sourceLength = source.shape[1];
  }

  /** Load a file, and before the first one LiteRT, from the folder of its `.wasm`. */
  static async load(url, wasmFolder) {
    const litert = await import("@litertjs/core");
    await (litert.getGlobalLiteRtPromise() ?? litert.loadLiteRt(wasmFolder));
    const model = await litert.loadAndCompile(url, { accelerator: "wasm" });
    return new StepFile(model, litert.Tensor);
  }

  /** Read a source, which ends with END; return what every step needs. */
  async begin(source) {
    const ids = new Int32Array(this.sourceLength).fill(PAD);
    ids.set(source);
    const outputs = await this.#run("encode", { source: ids });
    const { max_length: maxLength, ...kept } = outputs;
    this.maxLength = maxLength[0];
    return kept;
  }

  /** Return the logits of every next token, and what to keep. */
  async step(token, position, kept) {
    const given = { token: Int32Array.of(token), position: Int32Array.of(position) };
    const outputs = await this.#run("decode_step", { ...given, ...kept });
    const after = { ...kept };
    for (const [name, array] of Object.entries(outputs)) {
      if (name.startsWith("state_")) after[name] = array;
    }
    return { logits: outputs.logits, kept: after };
  }

  delete() {
    this.#model.delete();
  }

  // Arrays in, arrays out: tensors have to be deleted by hand, and none outlives this.
  async #run(key, arrays) {
    const signature = this.#model.signatures[key];
    const inputs = signature
      .getInputDetails()
      .map(({ name, shape }) => new this.#Tensor(arrays[name], shape));
    const outputs = await signature.run(inputs);
    const read = {};
    for (const [i, { name }] of signature.getOutputDetails().entries()) {
      read[name] = await outputs[i].data();
    }
    for (const tensor of [...inputs, ...outputs]) tensor.delete();
    return read;
  }
}

/**
 * Return the answers that ended, as { tokens, score } without END; the best first.
 *
 * @param model a StepFile, or anything with its `begin`, `step` and `maxLength`.
 * @param source tokens, the last one END, at most `sourceLength` of them.
 * @param beam hypotheses that are followed; 1 is greedy.
 * @param alpha of the length penalty, Wu et al. 2016, arXiv:1609.08144, equation 14.
 */
export async function search(model, source, { beam = 1, alpha = 0.6 } = {}) {
  let live = [{ tokens: [], total: 0, kept: await model.begin(source) }];
  const ended = [];
  const { maxLength } = model;
  for (let position = 0; position < maxLength; position++) {
    const longer = [];
    for (const { tokens, total, kept } of live) {
      const next = await model.step(tokens.at(-1) ?? START, position, kept);
      const logProbs = logProbabilities(next.logits);
      // In the last place there is room for END alone.
      const best = position === maxLength - 1 ? [END] : largest(logProbs, beam);
      for (const token of best) {
        const after = { tokens: [...tokens, token], total: total + logProbs[token] };
        longer.push({ ...after, kept: next.kept });
      }
    }
    // Those that have ended keep their place among the hypotheses.
    const totals = longer.map((hypothesis) => hypothesis.total);
    live = largest(totals, beam - ended.length).map((i) => longer[i]);
    for (const { tokens, total } of live.filter(hasEnded)) {
      const score = total / penalty(position + 1, alpha);
      ended.push({ tokens: tokens.slice(0, -1), score });
    }
    live = live.filter((hypothesis) => !hasEnded(hypothesis));
    // The most that one that goes on can still be worth.
    const hope = Math.max(...live.map((hypothesis) => hypothesis.total));
    const best = Math.max(...ended.map((answer) => answer.score));
    if (live.length === 0 || hope / penalty(maxLength, alpha) <= best) break;
  }
  const scores = ended.map((answer) => answer.score);
  return largest(scores, ended.length).map((i) => ended[i]);
}

function hasEnded({ tokens }) {
  return tokens.at(-1) === END;
}

/** Return by what the log-probability of a hypothesis is divided. */
function penalty(length, alpha) {
  return ((5 + length) / 6) ** alpha;
}

function logProbabilities(logits) {
  const most = logits.reduce((a, b) => Math.max(a, b));
  const sum = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
  const logProbs = Array.from(logits, (logit) => logit - most - Math.log(sum));
  logProbs[PAD] = logProbs[START] = NEVER;
  return logProbs;
}

/** Return the places of the largest values, the largest first; of equals, the first. */
function largest(values, count) {
  return Array.from(values.keys())
    .sort((i, j) => values[j] - values[i])
    .slice(0, count);
}

/** Texts in, texts out: characters, or symbols with spaces between them. */
export class TextModel {
  #model;
  #facts;
  #ids;

  /**
   * @param model a StepFile, or what `search` takes, with a `sourceLength`.
   * @param facts the content of model.json.
   */
  constructor(model, facts) {
    for (const { kind } of [facts.source_tokeniser, facts.target_tokeniser]) {
      if (kind !== "characters" && kind !== "symbols") {
        throw new Error(`"${kind}" as tokens; only characters and symbols are known.`);
      }
    }
    this.#model = model;
    this.#facts = facts;
    const tokens = [...facts.source_tokeniser.tokens.entries()].slice(UNKNOWN + 1);
    this.#ids = new Map(tokens.map(([id, token]) => [token, id]));
  }

  /** Return all answers to a text, as { text, score }; the best first. */
  async answers(text, { beam, alpha } = {}) {
    beam ??= this.#facts.decoding.beam;
    alpha ??= this.#facts.decoding.length_penalty;
    const found = await search(this.#model, this.encode(text), { beam, alpha });
    return found.map(({ tokens, score }) => ({ text: this.decode(tokens), score }));
  }

  /** Return the tokens of a text, END included; one that is too long loses its end. */
  encode(text) {
    const characters = this.#facts.source_tokeniser.kind === "characters";
    const normal = this.#normalise(text);
    const units = characters ? [...normal] : normal.split(" ").filter(Boolean);
    const ids = units.map((unit) => this.#ids.get(unit) ?? UNKNOWN);
    return [...ids.slice(0, this.#model.sourceLength - 1), END];
  }

  /** Return the text of tokens. */
  decode(ids) {
    const { kind, tokens } = this.#facts.target_tokeniser;
    const units = ids.map((id) => (id === UNKNOWN ? UNKNOWN_TEXT : tokens[id]));
    return units.join(kind === "characters" ? "" : " ");
  }

  // A model knows texts in one form alone.
  #normalise(text) {
    const { form, lower } = this.#facts.source_normaliser;
    const formed = (text) => (form === "none" ? text : text.normalize(form));
    // Some letters have no small form before they are composed.
    const cased = lower ? formed(text).toLowerCase() : text;
    return formed(cased).split(SPACES).filter(Boolean).join(" ");
  }
}
