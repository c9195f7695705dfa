// Answers the cases of test_table_device.py with the client in Kotlin.

import java.io.File
import org.json.JSONArray
import org.json.JSONObject

fun JSONArray.objects(): List<JSONObject> = List(length()) { getJSONObject(it) }

fun JSONObject.asRow(): Map<String, Any?> = keys().asSequence().map { it as String }
    .associateWith { name -> get(name).takeIf { it != JSONObject.NULL } }

fun encoded(row: Map<String, Any?>, encoding: TableEncoding): JSONObject = try {
    val (numbers, categories) = encoding.encode(row)
    JSONObject()
        .put("numbers", JSONArray(numbers.map { it.toDouble() }))
        .put("categories", JSONArray(categories.toList()))
} catch (error: IllegalArgumentException) {
    JSONObject().put("error", error.message)
}

fun predicted(row: Map<String, Any?>, model: TableModel): JSONArray {
    val answer = model.predict(row)
    return JSONArray(listOf(answer.value, answer.lower, answer.upper))
}

fun decoded(z: JSONArray, encoding: TableEncoding): JSONArray =
    JSONArray(encoding.decode(FloatArray(z.length()) { z.getDouble(it).toFloat() }))

fun main(arguments: Array<String>) {
    val results = JSONArray()
    for (case in JSONArray(File(arguments[0]).readText()).objects()) {
        val facts = case.getJSONObject("facts")
        val encoding = TableEncoding(facts.getJSONObject("encoding"))
        val rows = case.optJSONArray("rows")?.objects()?.map { it.asRow() }
        val found = if (case.has("file")) {
            TableModel(File(case.getString("file")), facts.toString()).use { model ->
                rows!!.map { predicted(it, model) }
            }
        } else if (rows != null) {
            rows.map { encoded(it, encoding) }
        } else {
            val z = case.getJSONArray("z")
            List(z.length()) { decoded(z.getJSONArray(it), encoding) }
        }
        results.put(JSONArray(found))
    }
    File(arguments[1]).writeText(results.toString())
}
