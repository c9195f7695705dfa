// Answers of an exported sequence-to-sequence model on Android: text in, text out.
//
//     StepFile(File(filesDir, "model.tflite")).use { file ->
//         val best = TextModel(file, File(filesDir, "model.json").readText())
//             .answers("keras").first()
//         println("${best.text} ${best.score}")
//     }
//
// `StepFile` needs com.google.ai.edge.litert:litert; the rest needs what Android has.

import java.io.ByteArrayOutputStream
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.CharBuffer
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
private const val SPACE = '▁' // stands for a space in sub-words
private const val FIRST_BYTE = 4 // the id of the byte 0, if sub-words are also spelt in bytes
// What Python's str.split takes for a space; \s differs from it.
private val SPACES = Regex(
    "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+"
)
// What words are made of: letters, numbers and marks of all scripts, and what joins them.
private const val LETTER = "[\\p{L}\\p{N}\\p{M}_\\u200c\\u200d]"
private val WORD = Regex("$LETTER+(?:['’-]$LETTER+)*|[^ ]")
private val NO_SPACE_BEFORE = Regex(" ([.,!?;:%)\\]\\}…»”؟،؛。、，！？；：）」』】》])")
private val NO_SPACE_AFTER = Regex("([(\\[\\{«“（「『【《]) ")

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
    require(beam >= 1) { "a beam of $beam, which must be 1 or more" }
    if (source == listOf(END)) return listOf(Answer(emptyList(), 0.0)) // nothing was asked
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
 * Texts in, texts out.
 *
 * @param json the content of model.json.
 */
class TextModel(private val model: StepModel<*>, json: String) {
    private val facts = JSONObject(json)
    private val source = tokeniser(facts.getJSONObject("source_tokeniser"))
    private val target = tokeniser(facts.getJSONObject("target_tokeniser"))

    /** Return all answers to a text; the best first. */
    fun answers(
        text: String,
        beam: Int = facts.getJSONObject("decoding").getInt("beam"),
        alpha: Double = facts.getJSONObject("decoding").getDouble("length_penalty"),
    ): List<TextAnswer> = search(model, encode(text), beam, alpha)
        .map { TextAnswer(decode(it.tokens), it.score) }

    /** Return the tokens of a text, END included; a text that is too long loses its end. */
    fun encode(text: String): List<Int> =
        source.encode(normalise(text)).take(model.sourceLength - 1) + END

    /** Return the text of tokens, up to the first END. */
    fun decode(tokens: List<Int>): String = target.decode(tokens.takeWhile { it != END })

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
}

private interface Tokeniser {
    fun encode(text: String): List<Int>

    fun decode(ids: List<Int>): String
}

private fun tokeniser(facts: JSONObject): Tokeniser {
    val listed = facts.getJSONArray("tokens")
    val tokens = List(listed.length()) { listed.getString(it) }
    val kind = facts.getString("kind")
    return if (kind == "subwords") Subwords(tokens) else Listed(kind, tokens)
}

/** Characters, words, or symbols: tokens that stand in a list. */
private class Listed(private val kind: String, private val tokens: List<String>) : Tokeniser {
    private val ids = idsOf(tokens, UNKNOWN + 1)

    override fun encode(text: String): List<Int> {
        val units = when (kind) {
            "characters" -> characters(text)
            "words" -> WORD.findAll(text).map { it.value }.toList()
            else -> text.split(" ").filter { it.isNotEmpty() }
        }
        return units.map { ids[it] ?: UNKNOWN }
    }

    override fun decode(ids: List<Int>): String {
        val text = ids.joinToString(if (kind == "characters") "" else " ") {
            if (it == UNKNOWN) UNKNOWN_TEXT else tokens[it]
        }
        if (kind != "words") return text
        return text.replace(NO_SPACE_BEFORE, "$1").replace(NO_SPACE_AFTER, "$1")
    }
}

/** Sub-words of byte-pair encoding, read and written as sentencepiece does. */
private class Subwords(private val pieces: List<String>) : Tokeniser {
    private val numBytes = if (pieces[FIRST_BYTE] == "<0x00>") 256 else 0
    private val ids = idsOf(pieces, FIRST_BYTE + numBytes)

    override fun encode(text: String): List<Int> {
        // Before the first word there is a space too, and after the last one there is none.
        val spaced = "$SPACE${text.replace(' ', SPACE)}".trimEnd(SPACE)
        val found = mutableListOf<Int>()
        // No piece reaches into the next word.
        for (piece in spaced.split(Regex("(?=$SPACE)")).flatMap { merged(it) }) {
            val id = ids[piece]
            if (id != null) {
                found += id
            } else if (numBytes > 0) {
                piece.toByteArray().mapTo(found) { FIRST_BYTE + (it.toInt() and 0xff) }
            } else if (found.lastOrNull() != UNKNOWN) {
                found += UNKNOWN // a run of unknown characters is one
            }
        }
        return found
    }

    override fun decode(ids: List<Int>): String {
        val bytes = ByteArrayOutputStream()
        for (id in ids) {
            if (id in FIRST_BYTE until FIRST_BYTE + numBytes) {
                bytes.write(id - FIRST_BYTE)
                continue
            }
            val piece = if (id == UNKNOWN) UNKNOWN_TEXT else pieces[id].replace(SPACE, ' ')
            val isFirst = bytes.size() == 0
            bytes.write((if (isFirst) piece.removePrefix(" ") else piece).toByteArray())
        }
        return textOf(bytes.toByteArray())
    }

    // Join neighbours as long as the whole is known: the lowest id first.
    private fun merged(word: String): List<String> {
        val parts = characters(word).toMutableList()
        fun idOfPair(place: Int) = ids[parts[place] + parts[place + 1]] ?: Int.MAX_VALUE
        val pairs = MutableList(maxOf(parts.size - 1, 0)) { idOfPair(it) }
        while (true) {
            val lowest = pairs.minOrNull() ?: return parts
            if (lowest == Int.MAX_VALUE) return parts
            val place = pairs.indexOf(lowest) // of equals, the first
            parts[place] += parts.removeAt(place + 1)
            pairs.removeAt(place)
            // What is new: pairs with this part.
            for (i in listOf(place - 1, place)) if (i in pairs.indices) pairs[i] = idOfPair(i)
        }
    }
}

// A text may hold "<end>"; it means nothing special there.
private fun idsOf(tokens: List<String>, first: Int): Map<String, Int> =
    tokens.withIndex().drop(first).associate { (id, token) -> token to id }

private fun characters(text: String): List<String> =
    text.codePoints().toArray().map { String(Character.toChars(it)) }

// Each byte that is of no character is shown; String(bytes) shows one for several.
private fun textOf(bytes: ByteArray): String {
    val decoder = Charsets.UTF_8.newDecoder()
    val rest = ByteBuffer.wrap(bytes)
    val text = CharBuffer.allocate(bytes.size)
    while (rest.hasRemaining()) {
        val result = decoder.decode(rest, text, true)
        if (result.isError) {
            repeat(result.length()) { text.put(UNKNOWN_TEXT) }
            rest.position(rest.position() + result.length())
        }
    }
    text.flip()
    return text.toString()
}
