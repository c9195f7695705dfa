// Stands in for Android's class.

package android.graphics

class Bitmap(val width: Int, val height: Int, private val rgba: ByteArray) {
    fun getPixels(
        pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int
    ) {
        for (row in 0 until height) {
            for (column in 0 until width) {
                val place = 4 * ((y + row) * this.width + x + column)
                val (red, green, blue, alpha) = List(4) { rgba[place + it].toInt() and 255 }
                pixels[offset + row * stride + column] =
                    (alpha shl 24) or (red shl 16) or (green shl 8) or blue
            }
        }
    }
}
