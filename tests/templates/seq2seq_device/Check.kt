// Answers the cases of test_seq2seq_device.py with the client in Kotlin.

import java.io.File
import org.json.JSONArray
import org.json.JSONObject

class Tables(private val tables: JSONArray, override val sourceLength: Int) : StepModel<Int> {
    override var maxLength = 0
    private val states = tables.getJSONArray(0).length()

    override fun begin(source: List<Int>): Int {
        maxLength = tables.length()
        return source.sum() % states
    }

    override fun step(token: Int, position: Int, kept: Int): Pair<FloatArray, Int> {
        val row = tables.getJSONArray(position).getJSONArray(kept)
        val logits = FloatArray(row.length()) { row.getDouble(it).toFloat() }
        return Pair(logits, (5 * kept + token + 1) % states)
    }
}

fun main(arguments: Array<String>) {
    val cases = JSONArray(File(arguments[0]).readText())
    val results = JSONArray()
    for (case in List(cases.length()) { cases.getJSONObject(it) }) {
        val model: StepModel<*> =
            if (case.has("file")) StepFile(File(case.getString("file")))
            else Tables(case.getJSONArray("tables"), case.getInt("source_length"))
        val facts = case.getJSONObject("facts")
        val client = TextModel(model, facts.toString())
        val decoding = facts.getJSONObject("decoding")
        val (beam, alpha) = Pair(decoding.getInt("beam"), decoding.getDouble("length_penalty"))
        val texts = case.getJSONArray("texts")
        val rows = case.getJSONArray("rows")
        for ((i, text) in List(texts.length()) { texts.getString(it) }.withIndex()) {
            val row = rows.getJSONArray(i)
            val encoded = client.encode(text)
            val found = search(model, encoded, beam, alpha)
                .map { JSONArray().put(JSONArray(it.tokens)).put(it.score) }
            val answers = client.answers(text).map { JSONArray().put(it.text).put(it.score) }
            val result = JSONObject().put("encoded", JSONArray(encoded))
                .put("decoded", client.decode(List(row.length()) { row.getInt(it) }))
            results.put(result.put("found", JSONArray(found)).put("answers", JSONArray(answers)))
        }
    }
    File(arguments[1]).writeText(results.toString())
}
