// Answers of an exported sequence-to-sequence model on Android: text in, text out.
//
//     StepFile(File(filesDir, "model.tflite")).use { file ->
//         val best = TextModel(file, File(filesDir, "model.json").readText())
//             .answers("keras").first()
//         println("${best.text} ${best.score}")
//     }
//
// `StepFile` needs com.google.ai.edge.litert:litert; the rest needs what Android has.

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.text.Normalizer
import java.util.Locale
import kotlin.math.exp
import kotlin.math.ln
import kotlin.math.pow
import org.json.JSONObject
import org.tensorflow.lite.Interpreter

private const val PAD = 0
private const val START = 1
private const val END = 2
private const val UNKNOWN = 3
private const val NEVER = -1e9 // stands for the logarithm of 0
private const val UNKNOWN_TEXT = "\ufffd" // what an unknown token of an answer is shown as
// What Python's str.split takes for a space; \s differs from it.
private val SPACES = Regex(
    "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+"
)

/** A model that takes one step at a time; `Kept` is handed from step to step. */
interface StepModel<Kept> {
    val sourceLength: Int // tokens of a source at most, END included
    val maxLength: Int // tokens of an answer, END included; known after `begin`

    /** Read a source, which ends with END; return what every step needs. */
    fun begin(source: List<Int>): Kept

    /** Return the logits of every next token, and what to keep. */
    fun step(token: Int, position: Int, kept: Kept): Pair<FloatArray, Kept>
}

typealias Tensors = Map<String, ByteBuffer>

/** A `.tflite` file with the signatures `encode` and `decode_step`. Not thread-safe. */
class StepFile(file: File, threads: Int = 1) : StepModel<Tensors>, AutoCloseable {
    private val interpreter =
        Interpreter(file, Interpreter.Options().apply { setNumThreads(threads) })
    override val sourceLength =
        interpreter.getInputTensorFromSignature("source", "encode").shape()[1]
    override var maxLength = 0
        private set

    override fun begin(source: List<Int>): Tensors {
        val padding = List(sourceLength - source.size) { PAD }
        val outputs = run("encode", mapOf("source" to buffer(source + padding)))
        maxLength = outputs.getValue("max_length").getInt(0)
        return outputs - "max_length"
    }

    override fun step(token: Int, position: Int, kept: Tensors): Pair<FloatArray, Tensors> {
        val given = mapOf("token" to listOf(token), "position" to listOf(position))
        val outputs = run("decode_step", kept + given.mapValues { buffer(it.value) })
        val floats = outputs.getValue("logits").asFloatBuffer()
        val logits = FloatArray(floats.remaining()).also { floats.get(it) }
        return Pair(logits, kept + outputs.filterKeys { it.startsWith("state_") })
    }

    override fun close() = interpreter.close()

    private fun run(signature: String, inputs: Tensors): Tensors {
        val outputs = interpreter.getSignatureOutputs(signature).associateWith {
            empty(interpreter.getOutputTensorFromSignature(it, signature).numBytes())
        }
        interpreter.runSignature(inputs, outputs, signature)
        outputs.values.forEach { it.rewind() }
        return outputs
    }

    private fun buffer(numbers: List<Int>): ByteBuffer {
        val buffer = empty(4 * numbers.size)
        numbers.forEach { buffer.putInt(it) }
        buffer.rewind()
        return buffer
    }

    private fun empty(bytes: Int): ByteBuffer =
        ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())
}

/** An answer's tokens, without END, and what it is worth. */
class Answer(val tokens: List<Int>, val score: Double)

private class Hypothesis<Kept>(val tokens: List<Int>, val total: Double, val kept: Kept) {
    val hasEnded get() = tokens.lastOrNull() == END
}

/**
 * Return the answers that ended; the best first.
 *
 * @param source tokens, the last one END, at most `sourceLength` of them.
 * @param beam hypotheses that are followed; 1 is greedy.
 * @param alpha of the length penalty, Wu et al. 2016, arXiv:1609.08144, equation 14.
 */
fun <Kept> search(
    model: StepModel<Kept>,
    source: List<Int>,
    beam: Int = 1,
    alpha: Double = 0.6,
): List<Answer> {
    var live = listOf(Hypothesis(emptyList(), 0.0, model.begin(source)))
    val ended = mutableListOf<Answer>()
    for (position in 0 until model.maxLength) {
        val longer = live.flatMap { hypothesis ->
            val last = hypothesis.tokens.lastOrNull() ?: START
            val (logits, kept) = model.step(last, position, hypothesis.kept)
            val logProbs = logProbabilities(logits)
            // In the last place there is room for END alone.
            val atEnd = position == model.maxLength - 1
            val best = if (atEnd) listOf(END) else largest(logProbs, beam)
            best.map { token ->
                val total = hypothesis.total + logProbs[token]
                Hypothesis(hypothesis.tokens + token, total, kept)
            }
        }
        // Those that have ended keep their place among the hypotheses.
        live = largest(longer.map { it.total }, beam - ended.size).map { longer[it] }
        live.filter { it.hasEnded }.mapTo(ended) {
            Answer(it.tokens.dropLast(1), it.total / penalty(position + 1, alpha))
        }
        live = live.filterNot { it.hasEnded }
        // The most that one that goes on can still be worth.
        val hope = live.maxOfOrNull { it.total } ?: NEVER
        val best = ended.maxOfOrNull { it.score } ?: NEVER
        if (live.isEmpty() || hope / penalty(model.maxLength, alpha) <= best) break
    }
    return largest(ended.map { it.score }, ended.size).map { ended[it] }
}

/** Return by what the log-probability of a hypothesis is divided. */
private fun penalty(length: Int, alpha: Double) = ((5 + length) / 6.0).pow(alpha)

private fun logProbabilities(logits: FloatArray): List<Double> {
    val most = logits.max().toDouble()
    val logSum = ln(logits.sumOf { exp(it - most) })
    val logProbs = logits.map { it - most - logSum }.toMutableList()
    logProbs[PAD] = NEVER
    logProbs[START] = NEVER
    return logProbs
}

/** Return the places of the largest values, the largest first; of equals, the first. */
private fun largest(values: List<Double>, count: Int): List<Int> =
    values.indices.sortedByDescending { values[it] }.take(count)

/** An answer as a text, and what it is worth. */
class TextAnswer(val text: String, val score: Double)

/**
 * Texts in, texts out: characters, or symbols with spaces between them.
 *
 * @param json the content of model.json.
 */
class TextModel(private val model: StepModel<*>, json: String) {
    private val facts = JSONObject(json)
    private val sourceKind = facts.getJSONObject("source_tokeniser").getString("kind")
    private val targetKind = facts.getJSONObject("target_tokeniser").getString("kind")
    private val targetTokens = tokens("target_tokeniser")
    private val ids = tokens("source_tokeniser").withIndex().drop(UNKNOWN + 1)
        .associate { (id, token) -> token to id }

    init {
        for (kind in listOf(sourceKind, targetKind)) {
            require(kind == "characters" || kind == "symbols") {
                "\"$kind\" as tokens; only characters and symbols are known."
            }
        }
    }

    /** Return all answers to a text; the best first. */
    fun answers(
        text: String,
        beam: Int = facts.getJSONObject("decoding").getInt("beam"),
        alpha: Double = facts.getJSONObject("decoding").getDouble("length_penalty"),
    ): List<TextAnswer> = search(model, encode(text), beam, alpha)
        .map { TextAnswer(decode(it.tokens), it.score) }

    /** Return the tokens of a text, END included; a text that is too long loses its end. */
    fun encode(text: String): List<Int> {
        val normal = normalise(text)
        val units =
            if (sourceKind == "characters") {
                normal.codePoints().toArray().map { String(Character.toChars(it)) }
            } else {
                normal.split(" ").filter { it.isNotEmpty() }
            }
        return units.map { ids[it] ?: UNKNOWN }.take(model.sourceLength - 1) + END
    }

    /** Return the text of tokens. */
    fun decode(tokens: List<Int>): String =
        tokens.joinToString(if (targetKind == "characters") "" else " ") {
            if (it == UNKNOWN) UNKNOWN_TEXT else targetTokens[it]
        }

    // A model knows texts in one form alone.
    private fun normalise(text: String): String {
        val how = facts.getJSONObject("source_normaliser")
        val form = how.getString("form")
        fun formed(text: String) =
            if (form == "none") text else Normalizer.normalize(text, Normalizer.Form.valueOf(form))
        // Some letters have no small form before they are composed.
        val cased = if (how.getBoolean("lower")) formed(text).lowercase(Locale.ROOT) else text
        return formed(cased).split(SPACES).filter { it.isNotEmpty() }.joinToString(" ")
    }

    private fun tokens(tokeniser: String): List<String> {
        val listed = facts.getJSONObject(tokeniser).optJSONArray("tokens") ?: return emptyList()
        return List(listed.length()) { listed.getString(it) }
    }
}
