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
const SPACE = "▁"; // stands for a space in sub-words
const FIRST_BYTE = 4; // the id of the byte 0, if sub-words spell what they lack in bytes
// What Python's str.split takes for a space; \s differs from it.
const SPACES =
  /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
// What words are made of: letters, numbers and marks of all scripts, and what joins them.
const WORD = /[\p{L}\p{N}\p{M}_\u200c\u200d]+(?:['’-][\p{L}\p{N}\p{M}_\u200c\u200d]+)*|[^ ]/gu;

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
  if (!(beam >= 1)) throw new RangeError(`a beam of ${beam}, which must be 1 or more`);
  if (source.length === 1 && source[0] === END) return [{ tokens: [], score: 0 }]; // nothing was asked
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

/** Texts in, texts out. */
export class TextModel {
  #model;
  #facts;
  #source;
  #target;

  /**
   * @param model a StepFile, or what `search` takes, with a `sourceLength`.
   * @param facts the content of model.json.
   */
  constructor(model, facts) {
    this.#model = model;
    this.#facts = facts;
    this.#source = tokeniser(facts.source_tokeniser);
    this.#target = tokeniser(facts.target_tokeniser);
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
    const ids = this.#source.encode(this.#normalise(text));
    return [...ids.slice(0, this.#model.sourceLength - 1), END];
  }

  /** Return the text of tokens, up to the first END. */
  decode(ids) {
    const end = ids.indexOf(END);
    return this.#target.decode(end < 0 ? ids : ids.slice(0, end));
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

function tokeniser({ kind, tokens }) {
  return kind === "subwords" ? new Subwords(tokens) : new List(kind, tokens);
}

/** Characters, words, or symbols: tokens that stand in a list. */
class List {
  #kind;
  #tokens;
  #ids;

  constructor(kind, tokens) {
    this.#kind = kind;
    this.#tokens = tokens;
    this.#ids = idsOf(tokens, UNKNOWN + 1);
  }

  encode(text) {
    const units = {
      characters: () => [...text],
      words: () => text.match(WORD) ?? [],
      symbols: () => text.split(" ").filter(Boolean),
    }[this.#kind]();
    return units.map((unit) => this.#ids.get(unit) ?? UNKNOWN);
  }

  decode(ids) {
    const units = ids.map((id) => (id === UNKNOWN ? UNKNOWN_TEXT : this.#tokens[id]));
    const text = units.join(this.#kind === "characters" ? "" : " ");
    if (this.#kind !== "words") return text;
    return text.replace(/ ([.,!?;:%)\]\}…»”؟،؛。、，！？；：）」』】》])/g, "$1").replace(/([(\[\{«“（「『【《]) /g, "$1");
  }
}

/** Sub-words of byte-pair encoding, read and written as sentencepiece does. */
class Subwords {
  #pieces;
  #ids;
  #numBytes;

  constructor(pieces) {
    this.#pieces = pieces;
    this.#numBytes = pieces[FIRST_BYTE] === "<0x00>" ? 256 : 0;
    this.#ids = idsOf(pieces, FIRST_BYTE + this.#numBytes);
  }

  encode(text) {
    // Before the first word there is a space too, and after the last one there is none.
    const spaced = `${SPACE}${text.replaceAll(" ", SPACE)}`.replace(/▁+$/, "");
    const found = [];
    // No piece reaches into the next word.
    for (const piece of spaced.split(/(?=▁)/).flatMap((word) => this.#merged(word))) {
      if (this.#ids.has(piece)) {
        found.push(this.#ids.get(piece));
      } else if (this.#numBytes) {
        for (const byte of new TextEncoder().encode(piece)) found.push(FIRST_BYTE + byte);
      } else if (found.at(-1) !== UNKNOWN) {
        found.push(UNKNOWN); // a run of unknown characters is one
      }
    }
    return found;
  }

  decode(ids) {
    const bytes = [];
    for (const id of ids) {
      if (id > UNKNOWN && id <= UNKNOWN + this.#numBytes) {
        bytes.push(id - FIRST_BYTE);
        continue;
      }
      let piece = id === UNKNOWN ? UNKNOWN_TEXT : this.#pieces[id].replaceAll(SPACE, " ");
      if (bytes.length === 0) piece = piece.replace(/^ /, "");
      bytes.push(...new TextEncoder().encode(piece));
    }
    return textOf(Uint8Array.from(bytes));
  }

  // Join neighbours as long as the whole is known: the lowest id first.
  #merged(word) {
    const parts = [...word];
    const idsOfPairs = (parts) =>
      parts.slice(1).map((part, i) => this.#ids.get(parts[i] + part) ?? Infinity);
    const pairs = idsOfPairs(parts);
    for (;;) {
      const lowest = pairs.reduce((a, b) => Math.min(a, b), Infinity);
      if (lowest === Infinity) return parts;
      const place = pairs.indexOf(lowest); // of equals, the first
      parts.splice(place, 2, parts[place] + parts[place + 1]);
      const from = Math.max(place - 1, 0); // what is new: pairs with this part
      const near = idsOfPairs(parts.slice(from, place + 2));
      pairs.splice(from, place + 2 - from, ...near);
    }
  }
}

// A text may hold "<end>"; it means nothing special there.
function idsOf(tokens, first) {
  const real = [...tokens.entries()].slice(first);
  return new Map(real.map(([id, token]) => [token, id]));
}

// Each byte that is of no character is shown; TextDecoder shows one for several.
function textOf(bytes) {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const size = bytes[i] < 0x80 ? 1 : bytes[i] < 0xe0 ? 2 : bytes[i] < 0xf0 ? 3 : 4;
    try {
      text += decoder.decode(bytes.subarray(i, i + size));
      i += size;
    } catch {
      text += UNKNOWN_TEXT;
      i += 1;
    }
  }
  return text;
}
