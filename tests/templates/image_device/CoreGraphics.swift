// Stands in for the module CoreGraphics: an image is its pixels, drawn as Pillow does.

import Foundation

public final class CGImage {
  public let width, height: Int
  let rgba: [UInt8]

  public init(width: Int, height: Int, rgba: [UInt8]) {
    (self.width, self.height, self.rgba) = (width, height, rgba)
  }
}

public final class CGColorSpace {
  public static let sRGB = "sRGB"

  public init?(name: String) {}
}

public enum CGImageAlphaInfo: UInt32 {
  case none, premultipliedLast
}

public final class CGContext {
  private let pixels: UnsafeMutablePointer<UInt8>
  private let size: CGSize

  public init?(
    data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int,
    bytesPerRow: Int, space: CGColorSpace, bitmapInfo: UInt32
  ) {
    precondition(bitsPerComponent == 8 && bytesPerRow == 4 * width && bitmapInfo == 1)
    pixels = data!.assumingMemoryBound(to: UInt8.self)
    size = CGSize(width: width, height: height)
  }

  public func draw(_ image: CGImage, in rect: CGRect) {
    precondition(rect.size == size && rect.size.width == CGFloat(image.width))
    for i in stride(from: 0, to: image.rgba.count, by: 4) {
      let alpha = Int(image.rgba[i + 3])
      for c in 0..<3 {
        let (over, under) = (Int(image.rgba[i + c]), Int(pixels[i + c]))
        pixels[i + c] = UInt8((over * alpha + under * (255 - alpha) + 127) / 255)
      }
      pixels[i + 3] = UInt8(alpha + (Int(pixels[i + 3]) * (255 - alpha) + 127) / 255)
    }
  }
}
