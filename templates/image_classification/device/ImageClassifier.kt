// Answers of an exported image classifier on Android: image in, classes out.
//
//     ImageFile(File(filesDir, "model.tflite")).use { file ->
//         val best = ImageClassifier(file, File(filesDir, "model.json").readText())
//             .answers(pixelsOf(bitmap)).first()
//         println("${best.label} ${best.probability}")
//     }
//
// `ImageFile` needs com.google.ai.edge.litert:litert; the rest needs what Android has.

import android.graphics.Bitmap
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round
import org.json.JSONObject
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor

/** A `.tflite` file that takes floats, or bytes of a scale. Not thread-safe. */
class ImageFile(file: File, threads: Int = 1) : AutoCloseable {
    private val interpreter =
        Interpreter(file, Interpreter.Options().apply { setNumThreads(threads) })

    /** Return the probability of every class. */
    fun probabilities(pixels: IntArray): FloatArray {
        val input = interpreter.getInputTensor(0)
        val output = interpreter.getOutputTensor(0)
        require(pixels.size == input.numElements()) {
            "${pixels.size} values for a file that takes ${input.numElements()}; " +
                "is model.json of the same export?"
        }
        val (given, answered) = Pair(empty(input), empty(output))
        pixels.forEach { put(given, input, it) }
        given.rewind()
        interpreter.run(given, answered)
        answered.rewind()
        return FloatArray(output.numElements()) { next(answered, output) }
    }

    override fun close() = interpreter.close()

    private fun put(buffer: ByteBuffer, tensor: Tensor, pixel: Int) {
        if (isFloat(tensor)) {
            buffer.putFloat(pixel.toFloat())
        } else {
            val scale = tensor.quantizationParams().scale.toDouble()
            val value = round(pixel / scale).toInt() + tensor.quantizationParams().zeroPoint
            buffer.put(value.coerceIn(0, 255).toByte())
        }
    }

    private fun next(buffer: ByteBuffer, tensor: Tensor): Float {
        if (isFloat(tensor)) return buffer.getFloat()
        val value = buffer.get().toInt() and 255
        return (value - tensor.quantizationParams().zeroPoint) * tensor.quantizationParams().scale
    }

    private fun isFloat(tensor: Tensor): Boolean {
        val type = tensor.dataType()
        require(type == DataType.FLOAT32 || type == DataType.UINT8) { "$type is not known." }
        return type == DataType.FLOAT32
    }

    private fun empty(tensor: Tensor): ByteBuffer =
        ByteBuffer.allocateDirect(tensor.numBytes()).order(ByteOrder.nativeOrder())
}

/** An image's pixels; a row of them has 8 bits each of alpha, red, green and blue. */
class Pixels(val width: Int, val height: Int, val row: (Int) -> IntArray)

/** Return the pixels of a bitmap that lies in main memory, with alpha not multiplied in. */
fun pixelsOf(bitmap: Bitmap) = Pixels(bitmap.width, bitmap.height) { y ->
    IntArray(bitmap.width).also { bitmap.getPixels(it, 0, bitmap.width, 0, y, bitmap.width, 1) }
}

/** A class, and how likely an image shows it. */
class ImageAnswer(val label: String, val probability: Float)

/**
 * Images in, classes out.
 *
 * @param json the content of model.json.
 */
class ImageClassifier(private val file: ImageFile, json: String) {
    private val facts = JSONObject(json)
    private val labels = facts.getJSONArray("labels")

    /** Return the likeliest classes, `top` of them at most; the best first. */
    fun answers(image: Pixels, top: Int = 5): List<ImageAnswer> =
        file.probabilities(prepare(image, facts))
            .mapIndexed { i, probability -> ImageAnswer(labels.getString(i), probability) }
            .sortedByDescending { it.probability }
            .take(top)
}

/**
 * Return an image of any size as a model takes it: (height, width, channels), 0 to 255.
 * It does what training did, with the same bits as Pillow.
 *
 * @param facts the content of model.json.
 */
fun prepare(image: Pixels, facts: JSONObject): IntArray {
    val shape = facts.getJSONArray("input_shape")
    val (height, width, channels) = List(3) { shape.getInt(it) }
    val part = partOf(image, width, height, facts.optString("fit", "crop"))
    val inner = resized(image, channels, part)
    // What `pad` leaves around it is black; the others leave nothing.
    val pixels = IntArray(height * width * channels)
    val left = (width - part.width) / 2
    val top = (height - part.height) / 2
    val size = part.width * channels // of a row
    for (y in 0 until part.height) {
        inner.copyInto(pixels, ((top + y) * width + left) * channels, y * size, (y + 1) * size)
    }
    return pixels
}

private class Span(val from: Double, val to: Double)

/** Which box of an image is taken, and what size it is brought to. */
private class Part(val across: Span, val down: Span, val width: Int, val height: Int)

private fun partOf(image: Pixels, width: Int, height: Int, fit: String): Part {
    val (fullWidth, fullHeight) = Pair(image.width.toDouble(), image.height.toDouble())
    val (across, down) = Pair(Span(0.0, fullWidth), Span(0.0, fullHeight))
    return when (fit) {
        "stretch" -> Part(across, down, width, height)
        "crop" -> {
            val (own, ratio) = Pair(fullWidth / fullHeight, width.toDouble() / height)
            val boxWidth = if (own > ratio) ratio * fullHeight else fullWidth
            val boxHeight = if (own < ratio) fullWidth / ratio else fullHeight
            val (left, top) = Pair((fullWidth - boxWidth) / 2, (fullHeight - boxHeight) / 2)
            Part(Span(left, left + boxWidth), Span(top, top + boxHeight), width, height)
        }
        "pad" -> {
            val scale = min(width / fullWidth, height / fullHeight)
            val innerWidth = max(1, round(fullWidth * scale).toInt())
            Part(across, down, innerWidth, max(1, round(fullHeight * scale).toInt()))
        }
        else -> throw IllegalArgumentException(
            "\"$fit\" as fit; only crop, pad and stretch are known."
        )
    }
}

/** Resize a part of an image bilinearly with antialiasing; the rows come first. */
private fun resized(image: Pixels, channels: Int, part: Part): IntArray {
    val across = filters(image.width, part.across, part.width)
    val down = filters(image.height, part.down, part.height)
    val size = part.width * channels // of a row that is done
    val rows = ByteArray(image.height * size)
    for (y in down.first().first until down.last().end) {
        val row = rowOf(image.row(y), channels)
        for (i in 0 until size) {
            rows[y * size + i] = across[i / channels].mean(row, channels, i % channels).toByte()
        }
    }
    return IntArray(part.height * size) { down[it / size].mean(rows, size, it % size) }
}

/** Which values make a result, and their weights, whose sum is about 2 ** 22. */
private class Filter(val first: Int, val weights: IntArray) {
    val end get() = first + weights.size

    fun mean(values: ByteArray, step: Int, offset: Int): Int {
        var sum = 1 shl 21 // a half, to round
        for (i in weights.indices) {
            sum += weights[i] * (values[(first + i) * step + offset].toInt() and 255)
        }
        return sum shr 22
    }
}

/** Return the filter of each result, in Pillow's arithmetic. */
private fun filters(length: Int, span: Span, count: Int): List<Filter> {
    val start = span.from.toFloat() // Pillow keeps a box in single precision
    val scale = (span.to.toFloat() - start).toDouble() / count
    val reach = max(scale, 1.0)
    return List(count) { i ->
        val center = start + (i + 0.5) * scale
        val first = max(0, (center - reach + 0.5).toInt())
        val end = min(length, (center + reach + 0.5).toInt())
        val weights = List(end - first) {
            max(0.0, 1 - abs((first + it - center + 0.5) * (1 / reach)))
        }
        val sum = weights.reduce(Double::plus)
        Filter(first, IntArray(weights.size) { (0.5 + weights[it] / sum * (1 shl 22)).toInt() })
    }
}

/** Return a row of an image on white, grey or in colour. */
private fun rowOf(pixels: IntArray, channels: Int): ByteArray {
    val row = ByteArray(pixels.size * channels)
    for ((x, pixel) in pixels.withIndex()) {
        val alpha = pixel ushr 24
        val red = onWhite(pixel shr 16 and 255, alpha)
        val green = onWhite(pixel shr 8 and 255, alpha)
        val blue = onWhite(pixel and 255, alpha)
        if (channels == 1) {
            val luma = 19595 * red + 38470 * green + 7471 * blue + (1 shl 15) // ITU-R 601
            row[x] = (luma shr 16).toByte()
        } else {
            row[3 * x] = red.toByte()
            row[3 * x + 1] = green.toByte()
            row[3 * x + 2] = blue.toByte()
        }
    }
    return row
}

private fun onWhite(value: Int, alpha: Int) = 255 - ((255 - value) * alpha + 127) / 255
