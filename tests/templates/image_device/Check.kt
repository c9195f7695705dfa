// Answers the cases of test_image_device.py with the client in Kotlin.

import android.graphics.Bitmap
import java.io.File
import java.util.Base64
import org.json.JSONArray
import org.json.JSONObject

fun main(arguments: Array<String>) {
    val cases = JSONArray(File(arguments[0]).readText())
    val results = JSONArray()
    for (case in List(cases.length()) { cases.getJSONObject(it) }) {
        val rgba = Base64.getDecoder().decode(case.getString("rgba"))
        val bitmap = Bitmap(case.getInt("width"), case.getInt("height"), rgba)
        val facts = case.getJSONObject("facts")
        val tensors = case.getJSONObject("file")
        val file = File(tensors.getString("file"))
        file.writeText(tensors.toString())
        val answers = try {
            ImageFile(file).use {
                ImageClassifier(it, facts.toString()).answers(pixelsOf(bitmap))
            }
        } catch (error: IllegalArgumentException) {
            results.put(JSONObject().put("error", error.message))
            continue
        }
        val pairs = answers.map { JSONArray().put(it.label).put(it.probability.toDouble()) }
        val pixels = prepare(pixelsOf(bitmap), facts).toList()
        results.put(
            JSONObject().put("pixels", JSONArray(pixels)).put("answers", JSONArray(pairs))
        )
    }
    File(arguments[1]).writeText(results.toString())
}
