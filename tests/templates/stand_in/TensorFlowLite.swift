// Stands in for the module TensorFlowLite: a file is a list of its tensors, and whoever
// started the program runs it. One line goes there for a run, and one comes back.

import Foundation

public struct QuantizationParameters {
  public let scale: Float
  public let zeroPoint: Int
}

public struct Tensor {
  public struct Shape {
    public let dimensions: [Int]
  }

  public let shape: Shape
  public let data: Data
  public let quantizationParameters: QuantizationParameters?
}

struct Facts: Decodable {
  let shape: [Int]
  let bytes: Int
  let scale: Float
  let zero_point: Int

  func tensor(_ data: Data) -> Tensor {
    let parameters = QuantizationParameters(scale: scale, zeroPoint: zero_point)
    return Tensor(
      shape: Tensor.Shape(dimensions: shape), data: data,
      quantizationParameters: scale == 0 ? nil : parameters)
  }
}

public final class Interpreter {
  public struct Options {
    public var threadCount: Int?

    public init() {}
  }

  private let signatures: [String: [String: [String: Facts]]]

  public init(modelPath: String, options: Options? = nil) throws {
    let list = try Data(contentsOf: URL(fileURLWithPath: modelPath))
    signatures = try JSONDecoder().decode([String: [String: [String: Facts]]].self, from: list)
  }

  public func signatureRunner(with key: String) throws -> SignatureRunner {
    SignatureRunner(key, signatures[key]!)
  }
}

public final class SignatureRunner {
  private let key: String
  private let tensors: [String: [String: Facts]]
  private var results: [String: Data] = [:]

  init(_ key: String, _ tensors: [String: [String: Facts]]) {
    self.key = key
    self.tensors = tensors
  }

  public var inputs: [String] { Array(tensors["inputs"]!.keys) }

  public var outputs: [String] { Array(tensors["outputs"]!.keys) }

  public func input(named name: String) throws -> Tensor {
    tensors["inputs"]![name]!.tensor(Data())
  }

  public func output(named name: String) throws -> Tensor {
    tensors["outputs"]![name]!.tensor(results[name]!)
  }

  public func invoke(with inputs: [String: Data]) throws {
    let expected = tensors["inputs"]!
    precondition(inputs.count == expected.count)
    let given = expected.map { name, facts in
      precondition(inputs[name]!.count == facts.bytes)
      return "\(name)=\(inputs[name]!.base64EncodedString())"
    }
    print(([key] + given).joined(separator: " "))
    fflush(stdout)
    for part in readLine()!.split(separator: " ") {
      let parts = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      results[String(parts[0])] = Data(base64Encoded: String(parts[1]))!
    }
  }
}
