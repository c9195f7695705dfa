// Answers the cases of test_table_device.py with the client in JavaScript.

export async function answer(cases) {
  const { TableModel } = await import("/table_model.js");
  const results = [];
  for (const { file, facts, rows } of cases) {
    const wasm = "/node_modules/@litertjs/core/wasm/";
    const model = await TableModel.load(file, facts, wasm);
    const answers = [];
    for (const row of rows) answers.push(await model.predict(row));
    results.push(
      answers.map(({ value, lower, upper }) => [value, lower ?? null, upper ?? null]),
    );
    model.delete();
  }
  return results;
}
