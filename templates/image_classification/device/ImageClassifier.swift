// Answers of an exported image classifier on iOS: image in, classes out.
//
//     let file = try ImageFile(path: Bundle.main.path(forResource: "model", ofType: "tflite")!)
//     let facts = Bundle.main.url(forResource: "model", withExtension: "json")!
//     let classifier = try ImageClassifier(file, json: Data(contentsOf: facts))
//     let best = try classifier.answers(pixels(of: image.cgImage!))[0]
//     print(best.label, best.probability)
//
// `ImageFile` needs the module TensorFlowLite, `pixels` CoreGraphics; the rest needs
// Foundation alone.

import CoreGraphics
import Foundation
import TensorFlowLite

/// A `.tflite` file that takes floats, or bytes of a scale. Not thread-safe.
final class ImageFile {
  private let interpreter: Interpreter

  init(path: String, threads: Int = 1) throws {
    var options = Interpreter.Options()
    options.threadCount = threads
    interpreter = try Interpreter(modelPath: path, options: options)
    try interpreter.allocateTensors()
  }

  /// Returns the probability of every class.
  func probabilities(_ pixels: [UInt8]) throws -> [Float] {
    let input = try interpreter.input(at: 0)
    try interpreter.copy(values(pixels, for: input), toInputAt: 0)
    try interpreter.invoke()
    return try numbers(of: interpreter.output(at: 0))
  }

  private func values(_ pixels: [UInt8], for tensor: Tensor) throws -> Data {
    guard let scale = try scale(of: tensor) else {
      return pixels.map { Float($0) }.withUnsafeBytes { Data($0) }
    }
    return Data(
      pixels.map {
        let steps = (Double($0) / Double(scale.scale)).rounded(.toNearestOrEven)
        return UInt8(min(max(Int(steps) + scale.zeroPoint, 0), 255))
      })
  }

  private func numbers(of tensor: Tensor) throws -> [Float] {
    guard let scale = try scale(of: tensor) else {
      return tensor.data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }
    return tensor.data.map { Float(Int($0) - scale.zeroPoint) * scale.scale }
  }

  /// Returns what bytes stand for; nothing for floats.
  private func scale(of tensor: Tensor) throws -> QuantizationParameters? {
    switch tensor.dataType {
    case .float32: return nil
    case .uInt8: return tensor.quantizationParameters
    default: throw Unknown(what: "a file of \(tensor.dataType)")
    }
  }
}

/// An image's pixels: 8 bits each of red, green, blue and alpha, which is not multiplied in.
struct Pixels {
  let width, height: Int
  let rgba: [UInt8]
}

/// Returns the pixels of an image, laid on white.
func pixels(of image: CGImage) -> Pixels {
  let (width, height) = (image.width, image.height)
  var rgba = [UInt8](repeating: 255, count: 4 * width * height)
  rgba.withUnsafeMutableBytes { bytes in
    // On opaque white nothing is left for alpha to be multiplied in.
    let context = CGContext(
      data: bytes.baseAddress, width: width, height: height, bitsPerComponent: 8,
      bytesPerRow: 4 * width, space: CGColorSpace(name: CGColorSpace.sRGB)!,
      bitmapInfo: CGImageAlphaInfo.premultipliedLast.rawValue)!
    context.draw(image, in: CGRect(x: 0, y: 0, width: width, height: height))
  }
  return Pixels(width: width, height: height, rgba: rgba)
}

/// Images in, classes out.
final class ImageClassifier {
  private let file: ImageFile
  private let facts: ImageFacts

  /// - Parameter json: the content of model.json.
  init(_ file: ImageFile, json: Data) throws {
    self.file = file
    facts = try ImageFacts(json: json)
  }

  /// Returns the likeliest classes, `top` of them at most; the best first.
  func answers(_ image: Pixels, top: Int = 5) throws -> [(label: String, probability: Float)] {
    let found = try file.probabilities(prepare(image, facts))
    let places = found.indices.sorted {
      found[$0] == found[$1] ? $0 < $1 : found[$0] > found[$1]
    }
    return places.prefix(top).map { (facts.labels[$0], found[$0]) }
  }
}

/// Of model.json, what a client needs.
struct ImageFacts: Decodable {
  let inputShape: [Int]  // height, width, channels
  let labels: [String]
  let fit: String?  // "crop" where an older file lacks it

  init(json: Data) throws {
    let reader = JSONDecoder()
    reader.keyDecodingStrategy = .convertFromSnakeCase
    self = try reader.decode(ImageFacts.self, from: json)
  }
}

struct Unknown: Error {
  let what: String
}

/// Returns an image of any size as a model takes it: (height, width, channels), 0 to 255.
/// It does what training did, with the same bits as Pillow.
func prepare(_ image: Pixels, _ facts: ImageFacts) throws -> [UInt8] {
  let shape = facts.inputShape
  let (height, width, channels) = (shape[0], shape[1], shape[2])
  let part = try Part(of: image, width, height, fit: facts.fit ?? "crop")
  let inner = resized(image, channels, part)
  // What `pad` leaves around it is black; the others leave nothing.
  var pixels = [UInt8](repeating: 0, count: height * width * channels)
  let (left, top) = ((width - part.width) / 2, (height - part.height) / 2)
  let size = part.width * channels  // of a row
  for y in 0..<part.height {
    let place = ((top + y) * width + left) * channels
    pixels.replaceSubrange(place..<place + size, with: inner[y * size..<(y + 1) * size])
  }
  return pixels
}

/// Which box of an image is taken, and what size it is brought to.
private struct Part {
  var across, down: (from: Double, to: Double)
  var width, height: Int

  init(of image: Pixels, _ width: Int, _ height: Int, fit: String) throws {
    let (fullWidth, fullHeight) = (Double(image.width), Double(image.height))
    (across, down) = ((0, fullWidth), (0, fullHeight))
    (self.width, self.height) = (width, height)
    switch fit {
    case "stretch": break
    case "crop":
      let (own, ratio) = (fullWidth / fullHeight, Double(width) / Double(height))
      let boxWidth = own > ratio ? ratio * fullHeight : fullWidth
      let boxHeight = own < ratio ? fullWidth / ratio : fullHeight
      let (left, top) = ((fullWidth - boxWidth) / 2, (fullHeight - boxHeight) / 2)
      (across, down) = ((left, left + boxWidth), (top, top + boxHeight))
    case "pad":
      let scale = min(Double(width) / fullWidth, Double(height) / fullHeight)
      self.width = max(1, Int((fullWidth * scale).rounded(.toNearestOrEven)))
      self.height = max(1, Int((fullHeight * scale).rounded(.toNearestOrEven)))
    default: throw Unknown(what: "\"\(fit)\" as fit; only crop, pad and stretch are known")
    }
  }
}

/// Resizes a part of an image bilinearly with antialiasing; the rows come first.
private func resized(_ image: Pixels, _ channels: Int, _ part: Part) -> [UInt8] {
  let across = filters(image.width, part.across, part.width)
  let down = filters(image.height, part.down, part.height)
  let size = part.width * channels  // of a row that is done
  var rows = [UInt8](repeating: 0, count: image.height * size)
  for y in down.first!.first..<down.last!.end {
    let row = rowOf(image, y, channels)
    for i in 0..<size {
      rows[y * size + i] = across[i / channels].mean(of: row, channels, i % channels)
    }
  }
  return (0..<part.height * size).map { down[$0 / size].mean(of: rows, size, $0 % size) }
}

/// Which values make a result, and their weights, whose sum is about 2 ** 22.
private struct Filter {
  let first: Int
  let weights: [Int]
  var end: Int { first + weights.count }

  func mean(of values: [UInt8], _ step: Int, _ offset: Int) -> UInt8 {
    var sum = 1 << 21  // a half, to round
    for (i, weight) in weights.enumerated() {
      sum += weight * Int(values[(first + i) * step + offset])
    }
    return UInt8(sum >> 22)
  }
}

/// Returns the filter of each result, in Pillow's arithmetic.
private func filters(
  _ length: Int, _ span: (from: Double, to: Double), _ count: Int
) -> [Filter] {
  let start = Float(span.from)  // Pillow keeps a box in single precision
  let scale = Double(Float(span.to) - start) / Double(count)
  let reach = max(scale, 1)
  return (0..<count).map { i in
    let center = Double(start) + (Double(i) + 0.5) * scale
    let first = max(0, Int(center - reach + 0.5))
    let end = min(length, Int(center + reach + 0.5))
    let weights = (first..<end).map { max(0, 1 - abs((Double($0) - center + 0.5) * (1 / reach))) }
    let sum = weights.reduce(0, +)
    return Filter(first: first, weights: weights.map { Int(0.5 + $0 / sum * Double(1 << 22)) })
  }
}

/// Returns a row of an image on white, grey or in colour.
private func rowOf(_ image: Pixels, _ y: Int, _ channels: Int) -> [UInt8] {
  var row: [UInt8] = []
  row.reserveCapacity(image.width * channels)
  for x in 0..<image.width {
    let place = 4 * (y * image.width + x)
    let alpha = image.rgba[place + 3]
    let red = onWhite(image.rgba[place], alpha)
    let green = onWhite(image.rgba[place + 1], alpha)
    let blue = onWhite(image.rgba[place + 2], alpha)
    if channels == 1 {
      let luma = 19595 * red + 38470 * green + 7471 * blue + (1 << 15)  // ITU-R 601
      row.append(UInt8(luma >> 16))
    } else {
      row.append(UInt8(red))
      row.append(UInt8(green))
      row.append(UInt8(blue))
    }
  }
  return row
}

private func onWhite(_ value: UInt8, _ alpha: UInt8) -> Int {
  255 - ((255 - Int(value)) * Int(alpha) + 127) / 255
}
