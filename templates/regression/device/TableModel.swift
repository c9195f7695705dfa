// Predictions of an exported model for tables on iOS: a row in, a number out.
//
//     let path = Bundle.main.path(forResource: "model", ofType: "tflite")!
//     let facts = Bundle.main.url(forResource: "model", withExtension: "json")!
//     let model = try TableModel(path: path, json: Data(contentsOf: facts))
//     let answer = try model.predict(["age": 48, "bmi": 27.5])
//     print(answer.value, answer.lower ?? "", answer.upper ?? "")
//
// `TableModel` needs the module TensorFlowLite; the rest needs Foundation alone.

import Foundation
import TensorFlowLite

/// What a column of a row holds. Literals will do: `["age": 48, "sex": "2", "bmi": .missing]`.
enum TableValue {
  case number(Double)  // of a date: days since 1970-01-01
  case text(String)  // of a date: 2024-01-31, or 2024-01-31T12:30
  case boolean(Bool)
  case missing
}

extension TableValue: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByStringLiteral, ExpressibleByBooleanLiteral
{
  init(integerLiteral number: Int) { self = .number(Double(number)) }
  init(floatLiteral number: Double) { self = .number(number) }
  init(stringLiteral text: String) { self = .text(text) }
  init(booleanLiteral boolean: Bool) { self = .boolean(boolean) }
}

struct TableError: Error, CustomStringConvertible {
  let description: String
}

/// A `.tflite` file of the folder `exports/encoded`. Not thread-safe.
final class TableModel {
  private let encoding: TableEncoding
  private let network: SignatureRunner

  /// - Parameter json: the content of the model.json beside the file.
  init(path: String, json: Data, threads: Int = 1) throws {
    encoding = try JSONDecoder().decode(TableFacts.self, from: json).encoding
    var options = Interpreter.Options()
    options.threadCount = threads
    let interpreter = try Interpreter(modelPath: path, options: options)
    network = try interpreter.signatureRunner(with: "serving_default")
  }

  /// Predicts, in the target's own unit, from values by the names of the columns.
  ///
  /// What is left out is missing; the bounds are nil unless the model has an interval.
  func predict(
    _ row: [String: TableValue]
  ) throws -> (value: Double, lower: Double?, upper: Double?) {
    let (numbers, categories) = try encoding.encode(row)
    var inputs: [String: Data] = [:]
    for name in network.inputs {
      switch name {
      case "numbers": inputs[name] = bytes(numbers, try network.input(named: name))
      case "categories": inputs[name] = categories.withUnsafeBytes { Data($0) }
      default: throw TableError(description: "\(name): no input of exports/encoded")
      }
    }
    try network.invoke(with: inputs)
    let z = floats(try network.output(named: network.outputs[0]))
    let outputs = encoding.decode(z)
    let bounds = outputs.count == 3 ? (outputs[1], outputs[2]) : nil
    return (outputs[0], bounds?.0, bounds?.1)
  }

  private func bytes(_ numbers: [Float], _ tensor: Tensor) -> Data {
    guard let quantised = tensor.quantizationParameters else {
      return numbers.withUnsafeBytes { Data($0) }
    }
    return Data(
      numbers.map {
        let number = ($0 / quantised.scale).rounded() + Float(quantised.zeroPoint)
        return UInt8(min(max(number, 0), 255))
      })
  }

  private func floats(_ tensor: Tensor) -> [Float] {
    guard let quantised = tensor.quantizationParameters else {
      return tensor.data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }
    return tensor.data.map { Float(Int($0) - quantised.zeroPoint) * quantised.scale }
  }
}

private struct TableFacts: Decodable {
  let encoding: TableEncoding
}

/// What rows are to a network, and its outputs in the target's own unit: of model.json.
struct TableEncoding: Decodable {
  struct Target: Decodable {
    let transform: String
    let center, scale: Double
    let power, unit: Double?
  }
  let columns: [TableColumn]
  let target: Target

  /// Returns what the network is given for a row.
  func encode(_ row: [String: TableValue]) throws -> (numbers: [Float], categories: [Int32]) {
    let names = columns.map(\.name)
    if let unknown = row.keys.first(where: { !names.contains($0) }) {
      let known = names.joined(separator: ", ")
      throw TableError(description: "\(unknown) is none of the columns \(known)")
    }
    var (numbers, categories): ([Float], [Int32]) = ([], [])
    for column in columns {
      let value = row[column.name] ?? .missing
      if column.kind == "category" {
        categories.append(Int32(column.code(value)))
      } else {
        numbers += try column.numbers(value)
      }
    }
    return (numbers, categories)
  }

  /// Returns outputs in the target's unit: the prediction, and bounds if there are any.
  func decode(_ z: [Float]) -> [Double] {
    z.map {
      let x = Double($0) * target.scale + target.center
      switch target.transform {
      case "log": return exp(x)
      case "box_cox": return target.unit! * grow(x, target.power!)
      case "yeo_johnson":
        return x >= 0 ? grow(x, target.power!) - 1 : 1 - grow(-x, 2 - target.power!)
      default: return x
      }
    }
  }

  /// Undoes Box and Cox's transform.
  private func grow(_ x: Double, _ power: Double) -> Double {
    abs(power) < 1e-6 ? exp(x) : pow(max(power * x + 1, 1e-12), 1 / power)
  }
}

struct TableColumn: Decodable {
  let name, kind: String
  let vocabulary: [String]?  // of a category, as is `boolean`
  let boolean: Bool?
  let fill, low, high, center, scale: Double?  // of the other kinds, as is all below
  let flag: Bool?
  let quantiles, normals, periods: [Double]?

  /// Returns the place of a category in its vocabulary, from 1; others all have 0.
  func code(_ value: TableValue) -> Int {
    let isMeant: (String) -> Bool
    switch value {
    case .number(let number):
      let isWhole = number == number.rounded() && abs(number) < 1e15
      let written = isWhole ? String(Int64(number)) : String(number)
      isMeant = { isSame($0, written) }
    case .boolean(let boolean):
      let words = boolean ? ["true", "yes"] : ["false", "no"]
      isMeant = { words.contains($0.lowercased()) }
    case .text(let text): isMeant = { isSame($0, stripped(text)) }
    case .missing: isMeant = { $0.isEmpty }
    }
    return (vocabulary!.firstIndex(where: isMeant) ?? -1) + 1
  }

  // Strings that look alike are equal in Swift; their scalars need not be.
  private func isSame(_ word: String, _ text: String) -> Bool {
    let anyCase = boolean ?? false
    let (word, text) = anyCase ? (word.lowercased(), text.lowercased()) : (word, text)
    return word.unicodeScalars.elementsEqual(text.unicodeScalars)
  }

  // Python's str.strip.
  private func stripped(_ text: String) -> String {
    func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isWhitespace || (0x1c...0x1f).contains(scalar.value)
    }
    let scalars = text.unicodeScalars.drop(while: isSpace)
    return String(String.UnicodeScalarView(scalars.reversed().drop(while: isSpace).reversed()))
  }

  /// Returns what the network is given, as models are trained on float32.
  func numbers(_ value: TableValue) throws -> [Float] {
    let given = Float(try number(value))
    let known = given.isNaN ? Float(fill!) : given
    let x = min(max(known, Float(low!)), Float(high!))
    var numbers = [quantiles == nil ? (x - Float(center!)) / Float(scale!) : normal(x)]
    if kind == "date" {
      for period in (periods ?? [365.2425, 7]).map(Float.init) {  // a year and a week
        let begin = period * Float((Double(x) / Double(period)).rounded(.down))
        let turn = Float(2 * Double.pi) / period * (x - begin)
        numbers += [sin(turn), cos(turn)]
      }
    }
    if flag! { numbers.append(given.isNaN ? 1 : 0) }
    return numbers
  }

  private func number(_ value: TableValue) throws -> Double {
    switch value {
    case .missing: return .nan
    case .number(let number): return number
    case .boolean(let boolean) where kind == "number": return boolean ? 1 : 0
    case .text(let text) where kind == "date":
      if let days = days(text) { return days }
      fallthrough
    default: throw TableError(description: "\(name) is \(value), which is no \(kind)")
    }
  }

  /// Returns the days from 1970-01-01 to a date, with a time or without.
  private func days(_ text: String) -> Double? {
    // Not \d, which other scripts' digits are too, and of which Int reads none.
    let day = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    let time = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
    let form = "^\(day)([T ]\(time)Z?)?\\z"  // $ would stand before a last line feed, too
    guard text.range(of: form, options: .regularExpression) != nil else { return nil }
    let parts = text.split { !$0.isNumber }.compactMap { Int($0) } + [0, 0, 0]
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(secondsFromGMT: 0)!
    let date = DateComponents(
      calendar: calendar, year: parts[0], month: parts[1], day: parts[2], hour: parts[3],
      minute: parts[4], second: parts[5])
    return date.isValidDate ? date.date!.timeIntervalSince1970 / 86_400 : nil
  }

  /// Returns what a number would be in a normal sample: a line between two quantiles.
  private func normal(_ x: Float) -> Float {
    let knots = quantiles!.map { Float($0) }
    guard let right = knots.firstIndex(where: { $0 > x }) else { return Float(normals!.last!) }
    if right == 0 { return Float(normals![0]) }
    let (from, to) = (Double(knots[right - 1]), Double(knots[right]))
    let (low, high) = (normals![right - 1], normals![right])
    return Float((high - low) / (to - from) * (Double(x) - from) + low)
  }
}
