// Answers the cases of test_seq2seq_device.py with the client in JavaScript.

import { answersOf } from "/answers.mjs";

export async function answer(cases) {
  const { StepFile, TextModel, search } = await import("/token_search.js");
  const results = [];
  for (const { file, ...example } of cases) {
    const model = await StepFile.load(file, "/node_modules/@litertjs/core/wasm/");
    const client = new TextModel(model, example.facts);
    results.push(...(await answersOf(model, client, search, example)));
    model.delete();
  }
  return results;
}
