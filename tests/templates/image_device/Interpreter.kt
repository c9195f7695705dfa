// Stands in for LiteRT's classes: a file is what model.json tells of it, and whoever
// started the program runs it. One line goes there for a run, and one comes back.

package org.tensorflow.lite

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64
import org.json.JSONObject

enum class DataType { FLOAT32, UINT8, INT8 }

class Tensor(private val facts: JSONObject) {
    class QuantizationParams(val scale: Float, val zeroPoint: Int)

    fun dataType() = DataType.valueOf(facts.getString("dtype").uppercase())

    fun numElements(): Int {
        val shape = facts.getJSONArray("shape")
        return List(shape.length()) { shape.getInt(it) }.fold(1, Int::times)
    }

    fun numBytes() = if (dataType() == DataType.FLOAT32) 4 * numElements() else numElements()

    fun quantizationParams() = QuantizationParams(
        facts.optDouble("scale", 0.0).toFloat(), facts.getInt("zero_point")
    )
}

class Interpreter(private val file: File, options: Options) : AutoCloseable {
    class Options {
        fun setNumThreads(numThreads: Int): Options = this
    }

    private val facts = JSONObject(file.readText())

    private fun tensor(side: String): Tensor {
        val tensors = facts.getJSONObject(side)
        return Tensor(tensors.getJSONObject(tensors.keys().next() as String))
    }

    fun getInputTensor(inputIndex: Int): Tensor = tensor("inputs").also { check(inputIndex == 0) }

    fun getOutputTensor(outputIndex: Int): Tensor =
        tensor("outputs").also { check(outputIndex == 0) }

    fun run(input: Any, output: Any) {
        val (given, answered) = Pair(input as ByteBuffer, output as ByteBuffer)
        for ((buffer, tensor) in listOf(given to tensor("inputs"), answered to tensor("outputs"))) {
            check(buffer.isDirect && buffer.order() == ByteOrder.nativeOrder())
            check(buffer.remaining() == tensor.numBytes())
        }
        val bytes = ByteArray(given.remaining()).also { given.duplicate().get(it) }
        val text = Base64.getEncoder().encodeToString(bytes)
        println("${file.name} ${answered.remaining()} $text")
        answered.put(Base64.getDecoder().decode(readln()))
    }

    override fun close() {}
}
