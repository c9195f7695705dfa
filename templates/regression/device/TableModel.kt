// Predictions of an exported model for tables on Android: a row in, a number out.
//
//     val facts = File(filesDir, "model.json").readText()
//     TableModel(File(filesDir, "model.tflite"), facts).use { model ->
//         val answer = model.predict(mapOf("age" to 48, "bmi" to 27.5))
//         println("${answer.value}, from ${answer.lower} to ${answer.upper}")
//     }
//
// `TableModel` needs com.google.ai.edge.litert:litert; the rest needs what Android has.

import java.io.File
import java.math.BigDecimal
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.GregorianCalendar
import java.util.TimeZone
import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.cos
import kotlin.math.exp
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.pow
import kotlin.math.round
import kotlin.math.sin
import org.json.JSONArray
import org.json.JSONObject
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor

private const val SIGNATURE = "serving_default"
private const val MILLISECONDS = 86_400_000.0 // of a day
private val YEAR_AND_WEEK = doubleArrayOf(365.2425, 7.0) // days
private const val TWO = "([0-9]{2})" // \d takes other scripts' digits too, on Android
private val ISO = Regex("([0-9]{4})-$TWO-$TWO(?:[T ]$TWO:$TWO(?::$TWO(?:[.][0-9]+)?)?Z?)?")

/** In the target's own unit; the bounds are null unless the model has an interval. */
class Prediction(val value: Double, val lower: Double?, val upper: Double?)

/**
 * A `.tflite` file of the folder `exports/encoded`. Not thread-safe.
 *
 * @param json the content of the model.json beside it.
 */
class TableModel(file: File, json: String, threads: Int = 1) : AutoCloseable {
    private val encoding = TableEncoding(JSONObject(json).getJSONObject("encoding"))
    private val interpreter =
        Interpreter(file, Interpreter.Options().apply { setNumThreads(threads) })

    /** Predict from values by the names of the columns; what is left out is missing. */
    fun predict(row: Map<String, Any?>): Prediction {
        val (numbers, categories) = encoding.encode(row)
        val inputs = interpreter.getSignatureInputs(SIGNATURE).associateWith { name ->
            when (name) {
                "numbers" ->
                    buffer(numbers, interpreter.getInputTensorFromSignature(name, SIGNATURE))
                "categories" -> buffer(categories)
                else -> error("$name: no input of exports/encoded")
            }
        }
        val name = interpreter.getSignatureOutputs(SIGNATURE).single()
        val tensor = interpreter.getOutputTensorFromSignature(name, SIGNATURE)
        val answer = empty(tensor.numBytes())
        interpreter.runSignature(inputs, mapOf<String, Any>(name to answer), SIGNATURE)
        val outputs = encoding.decode(numbers(answer, tensor))
        return Prediction(outputs[0], outputs.getOrNull(1), outputs.getOrNull(2))
    }

    override fun close() = interpreter.close()

    private fun buffer(numbers: FloatArray, tensor: Tensor): ByteBuffer {
        val quantised = tensor.quantizationParams() // with a scale of 0 where it is not
        if (quantised.scale == 0f) {
            return empty(4 * numbers.size).apply { asFloatBuffer().put(numbers) }
        }
        val bytes = empty(numbers.size)
        for ((i, number) in numbers.withIndex()) {
            val byte = round(number / quantised.scale) + quantised.zeroPoint
            bytes.put(i, byte.coerceIn(0f, 255f).toInt().toByte())
        }
        return bytes
    }

    private fun buffer(categories: IntArray): ByteBuffer =
        empty(4 * categories.size).apply { asIntBuffer().put(categories) }

    private fun numbers(answer: ByteBuffer, tensor: Tensor): FloatArray {
        val quantised = tensor.quantizationParams()
        if (quantised.scale == 0f) {
            return FloatArray(answer.capacity() / 4) { answer.getFloat(4 * it) }
        }
        return FloatArray(answer.capacity()) {
            ((answer.get(it).toInt() and 255) - quantised.zeroPoint) * quantised.scale
        }
    }

    private fun empty(bytes: Int): ByteBuffer =
        ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())
}

/** What rows are to a network, and what its outputs are in the target's own unit. */
class TableEncoding(json: JSONObject) {
    private val columns = json.getJSONArray("columns").let { listed ->
        List(listed.length()) { Column(listed.getJSONObject(it)) }
    }
    private val target = json.getJSONObject("target")
    private val scale = target.getDouble("scale")
    private val center = target.getDouble("center")
    private val power = target.optDouble("power")

    /**
     * Return the numbers and the categories of a row.
     *
     * @param row numbers, texts, booleans and dates by the names of the columns; what is
     *   left out or null is missing. A date is a text, or days since 1970-01-01.
     */
    fun encode(row: Map<String, Any?>): Pair<FloatArray, IntArray> {
        val names = columns.map { it.name }
        val unknown = row.keys.firstOrNull { it !in names }
        require(unknown == null) { "$unknown is none of the columns ${names.joinToString()}" }
        val (categories, others) = columns.partition { it.kind == "category" }
        val numbers = others.flatMap { it.numbers(row[it.name]) }
        return Pair(
            numbers.toFloatArray(),
            categories.map { it.code(row[it.name]) }.toIntArray(),
        )
    }

    /** Return outputs in the target's unit: the prediction, and bounds if there are any. */
    fun decode(z: FloatArray): List<Double> = z.map {
        val x = it * scale + center
        when (target.getString("transform")) {
            "log" -> exp(x)
            "box_cox" -> target.getDouble("unit") * grow(x, power)
            "yeo_johnson" -> if (x >= 0) grow(x, power) - 1 else 1 - grow(-x, 2 - power)
            else -> x
        }
    }

    /** Undo Box and Cox's transform. */
    private fun grow(x: Double, power: Double): Double =
        if (abs(power) < 1e-6) exp(x) else max(power * x + 1, 1e-12).pow(1 / power)
}

private class Column(private val json: JSONObject) {
    val name: String = json.getString("name")
    val kind: String = json.getString("kind")
    private val anyCase = json.optBoolean("boolean")
    private val vocabulary = json.optJSONArray("vocabulary")?.let { words ->
        List(words.length()) { words.getString(it) }
    }.orEmpty()
    private val knots = doubles("quantiles")?.map { it.toFloat() }
    private val normals = doubles("normals")
    private val periods = doubles("periods") ?: YEAR_AND_WEEK

    /** Return the place of a category in its vocabulary, from 1; others all have 0. */
    fun code(value: Any?): Int = 1 + when (value) {
        is Number -> vocabulary.indexOf(written(value.toDouble()))
        is Boolean -> {
            val words = if (value) listOf("true", "yes") else listOf("false", "no")
            vocabulary.indexOfFirst { it.lowercase() in words }
        }
        is String? -> {
            // Python's str.strip takes one character off that Kotlin takes for no space.
            val text = value.orEmpty().trim { it.isWhitespace() || it == '\u0085' }
            vocabulary.indexOfFirst { it.equals(text, ignoreCase = anyCase) }
        }
        else -> throw IllegalArgumentException("$name is $value, which is no category")
    }

    // Kotlin itself writes 0.0005 as 5.0E-4.
    private fun written(number: Double): String {
        val isWhole = number % 1.0 == 0.0 && abs(number) < 1e15
        return when {
            isWhole -> number.toLong().toString()
            !number.isFinite() -> number.toString()
            else -> BigDecimal.valueOf(number).stripTrailingZeros().toPlainString()
        }
    }

    /** Return what the network is given, as models are trained on float32. */
    fun numbers(value: Any?): List<Float> {
        val given = number(value)
        val known = if (given.isNaN()) float("fill") else given
        val x = known.coerceIn(float("low"), float("high"))
        val numbers = mutableListOf(
            if (knots != null) normal(x) else (x - float("center")) / float("scale")
        )
        if (kind == "date") {
            for (period in periods.map { it.toFloat() }) {
                val begin = period * floor(x.toDouble() / period).toFloat()
                val turn = (2 * PI).toFloat() / period * (x - begin)
                numbers += listOf(sin(turn), cos(turn))
            }
        }
        if (json.getBoolean("flag")) numbers += if (given.isNaN()) 1f else 0f
        return numbers
    }

    private fun number(value: Any?): Float = when {
        value == null -> Float.NaN
        value is Number -> value.toFloat()
        value is Boolean && kind == "number" -> if (value) 1f else 0f
        value is String && kind == "date" -> days(value)
        else -> null
    } ?: throw IllegalArgumentException("$name is $value, which is no $kind")

    /** Return the days from 1970-01-01 to a date, with a time or without. */
    private fun days(text: String): Float? {
        val parts = ISO.matchEntire(text)?.groupValues?.drop(1) ?: return null
        val (year, month, day, hour, minute) = parts.map { it.toIntOrNull() ?: 0 }
        val moment = GregorianCalendar(TimeZone.getTimeZone("UTC")).apply {
            isLenient = false // refuses the 30th of February
            clear()
            set(year, month - 1, day, hour, minute, parts[5].toIntOrNull() ?: 0)
        }
        val time = runCatching { moment.timeInMillis }.getOrNull() ?: return null
        return (time / MILLISECONDS).toFloat()
    }

    /** Return what a number would be in a normal sample: a line between two quantiles. */
    private fun normal(x: Float): Float {
        val right = knots!!.indexOfFirst { it > x }
        if (right < 1) return (if (right == 0) normals!!.first() else normals!!.last()).toFloat()
        val (from, to) = Pair(knots[right - 1].toDouble(), knots[right].toDouble())
        val (low, high) = Pair(normals!![right - 1], normals[right])
        return ((high - low) / (to - from) * (x - from) + low).toFloat()
    }

    private fun float(name: String): Float = json.getDouble(name).toFloat()

    private fun doubles(name: String): DoubleArray? = json.optJSONArray(name)?.let { listed ->
        DoubleArray(listed.length()) { listed.getDouble(it) }
    }
}
