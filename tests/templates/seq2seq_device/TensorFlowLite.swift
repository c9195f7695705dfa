// Stands in for the module TensorFlowLite: a file is a list of its tensors' shapes, and
// whoever started the program runs it. One line goes there for a run, and one comes back.

import Foundation

public struct Tensor {
  public struct Shape {
    public let dimensions: [Int]
  }

  public let shape: Shape
  public let data: Data
}

public final class Interpreter {
  public struct Options {
    public var threadCount: Int?

    public init() {}
  }

  private let signatures: [String: [String: [String: [Int]]]]

  public init(modelPath: String, options: Options? = nil) throws {
    let list = try Data(contentsOf: URL(fileURLWithPath: modelPath))
    signatures = try JSONDecoder().decode([String: [String: [String: [Int]]]].self, from: list)
  }

  public func signatureRunner(with key: String) throws -> SignatureRunner {
    SignatureRunner(key, signatures[key]!)
  }
}

public final class SignatureRunner {
  private let key: String
  private let shapes: [String: [String: [Int]]]
  private var results: [String: Data] = [:]

  init(_ key: String, _ shapes: [String: [String: [Int]]]) {
    self.key = key
    self.shapes = shapes
  }

  public var outputs: [String] { Array(shapes["outputs"]!.keys) }

  public func input(named name: String) throws -> Tensor {
    Tensor(shape: Tensor.Shape(dimensions: shapes["inputs"]![name]!), data: Data())
  }

  public func output(named name: String) throws -> Tensor {
    Tensor(shape: Tensor.Shape(dimensions: shapes["outputs"]![name]!), data: results[name]!)
  }

  public func invoke(with inputs: [String: Data]) throws {
    let expected = shapes["inputs"]!
    precondition(inputs.count == expected.count)
    let given = expected.map { name, shape in
      precondition(inputs[name]!.count == 4 * shape.reduce(1, *))
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
