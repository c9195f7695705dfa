// What the tests ask of a client in JavaScript, in Node and in a browser.

export async function answersOf(model, client, search, { facts, texts, rows }) {
  const { beam, length_penalty: alpha } = facts.decoding;
  const results = [];
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
  return results;
}
