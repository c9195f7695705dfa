// Answers the cases of test_seq2seq_device.py with the client in JavaScript.

export async function answer(cases) {
  const { StepFile, TextModel, search } = await import("/token_search.js");
  const results = [];
  for (const { file, facts, texts, rows } of cases) {
    const model = await StepFile.load(file, "/node_modules/@litertjs/core/wasm/");
    const client = new TextModel(model, facts);
    const { beam, length_penalty: alpha } = facts.decoding;
    for (const [i, text] of texts.entries()) {
      const encoded = client.encode(text);
      const found = await search(model, encoded, { beam, alpha });
      const answers = await client.answers(text);
      results.push({
        encoded,
        decoded: client.decode(rows[i]),
        found: found.map(({ tokens, score }) => [tokens, score]),
        answers: answers.map(({ text, score }) => [text, score]),
      });
    }
    model.delete();
  }
  return results;
}
