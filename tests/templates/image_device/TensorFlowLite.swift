// Stands in for the module TensorFlowLite: a file is what model.json tells of it, and
// whoever started the program runs it. One line goes there for a run, and one comes back.

import Foundation

public struct QuantizationParameters {
  public let scale: Float
  public let zeroPoint: Int
}

public struct Tensor {
  public enum DataType { case uInt8, float32, int32 }

  public let dataType: DataType
  public let data: Data
  public let quantizationParameters: QuantizationParameters?
}

private struct Facts: Decodable {
  let shape: [Int]
  let dtype: String
  let scale: Float?
  let zero_point: Int

  var size: Int { shape.reduce(dtype == "float32" ? 4 : 1, *) }

  func tensor(_ data: Data) -> Tensor {
    Tensor(
      dataType: dtype == "float32" ? .float32 : .uInt8, data: data,
      quantizationParameters: scale.map {
        QuantizationParameters(scale: $0, zeroPoint: zero_point)
      })
  }
}

private struct File: Decodable {
  let file: String
  let inputs, outputs: [String: Facts]
}

public final class Interpreter {
  public struct Options {
    public var threadCount: Int?

    public init() {}
  }

  private let file: File
  private var isAllocated = false
  private var given, answered: Data?

  public init(modelPath: String, options: Options? = nil) throws {
    let facts = try Data(contentsOf: URL(fileURLWithPath: modelPath))
    file = try JSONDecoder().decode(File.self, from: facts)
  }

  public func allocateTensors() throws { isAllocated = true }

  public func input(at index: Int) throws -> Tensor {
    precondition(isAllocated && index == 0)
    return file.inputs.values.first!.tensor(given ?? Data())
  }

  public func output(at index: Int) throws -> Tensor {
    precondition(index == 0)
    return file.outputs.values.first!.tensor(answered!)
  }

  @discardableResult
  public func copy(_ data: Data, toInputAt index: Int) throws -> Tensor {
    precondition(data.count == file.inputs.values.first!.size)
    given = data
    return try input(at: index)
  }

  public func invoke() throws {
    print("\(file.file) \(file.outputs.values.first!.size) \(given!.base64EncodedString())")
    fflush(stdout)
    answered = Data(base64Encoded: readLine()!)
  }
}
