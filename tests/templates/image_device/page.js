// Answers the cases of test_image_device.py with the client in JavaScript.

export async function answer(cases) {
  const client = await import("/image_classifier.js");
  const { ImageClassifier, ImageFile, pixelsOf, prepare } = client;
  const wasm = "/node_modules/@litertjs/core/wasm/";
  const results = [];
  for (const { image: name, facts, file } of cases) {
    const image = new Image();
    image.src = `/pictures/${name}`;
    await image.decode();
    const pixels = [...prepare(pixelsOf(image), facts)];
    let answers = null; // of a made-up model
    if (!file.made_up) {
      const model = await ImageFile.load(file.file, facts, wasm);
      answers = await new ImageClassifier(model, facts).answers(image);
      answers = answers.map(({ label, probability }) => [label, probability]);
      model.delete();
    }
    results.push({ pixels, answers });
  }
  return results;
}
