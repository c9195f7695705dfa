// Stands in for LiteRT's class: a file is a list of its tensors, and whoever started the
// program runs it. One line goes there for a run, and one comes back.

package org.tensorflow.lite

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64
import org.json.JSONObject

class Tensor(private val facts: JSONObject) {
    class QuantizationParams(val scale: Float, val zeroPoint: Int)

    fun shape(): IntArray {
        val shape = facts.getJSONArray("shape")
        return IntArray(shape.length()) { shape.getInt(it) }
    }

    fun numBytes(): Int = facts.getInt("bytes")

    fun quantizationParams() =
        QuantizationParams(facts.getDouble("scale").toFloat(), facts.getInt("zero_point"))
}

class Interpreter(file: File, options: Options) : AutoCloseable {
    class Options {
        fun setNumThreads(numThreads: Int): Options = this
    }

    private val signatures = JSONObject(file.readText())

    private fun tensors(signature: String, side: String): Map<String, Tensor> {
        val listed = signatures.getJSONObject(signature).getJSONObject(side)
        return listed.keys().asSequence().map { it as String }
            .associateWith { Tensor(listed.getJSONObject(it)) }
    }

    fun getInputTensorFromSignature(name: String, signature: String): Tensor =
        tensors(signature, "inputs").getValue(name)

    fun getOutputTensorFromSignature(name: String, signature: String): Tensor =
        tensors(signature, "outputs").getValue(name)

    fun getSignatureInputs(signature: String): Array<String> =
        tensors(signature, "inputs").keys.toTypedArray()

    fun getSignatureOutputs(signature: String): Array<String> =
        tensors(signature, "outputs").keys.toTypedArray()

    fun runSignature(inputs: Map<String, Any>, outputs: Map<String, Any>, signature: String) {
        val given = tensors(signature, "inputs").map { (name, tensor) ->
            val buffer = inputs.getValue(name) as ByteBuffer
            // As LiteRT reads it: from the first byte on, wherever the buffer stands.
            check(buffer.isDirect && buffer.order() == ByteOrder.nativeOrder())
            check(buffer.capacity() == tensor.numBytes())
            val bytes = ByteArray(buffer.capacity()).also { buffer.duplicate().rewind().get(it) }
            "$name=${Base64.getEncoder().encodeToString(bytes)}"
        }
        check(inputs.size == given.size)
        println((listOf(signature) + given).joinToString(" "))
        for (part in readln().split(" ")) {
            val (name, text) = part.split("=", limit = 2)
            (outputs[name] as ByteBuffer?)?.put(Base64.getDecoder().decode(text))
        }
    }

    override fun close() {}
}
