// Answers the cases of test_seq2seq_device.py with the client in Swift. Compile it with
//
//     swiftc -emit-module -emit-library -static -module-name TensorFlowLite \
//         ../stand_in/TensorFlowLite.swift -o libTensorFlowLite.a
//     swiftc -I . -L . -lTensorFlowLite TokenSearch.swift Check.swift -o check
//
// and hand it to `run_client`.

import Foundation

typealias Object = [String: Any]

final class Tables: StepModel {
  let tables: [[[Double]]]
  let sourceLength: Int
  private(set) var maxLength = 0

  init(_ tables: [[[NSNumber]]], sourceLength: Int) {
    self.tables = tables.map { $0.map { $0.map(\.doubleValue) } }
    self.sourceLength = sourceLength
  }

  func begin(_ source: [Int]) -> Int {
    maxLength = tables.count
    return source.reduce(0, +) % tables[0].count
  }

  func step(_ token: Int, _ position: Int, _ kept: Int) -> ([Float], Int) {
    (tables[position][kept].map { Float($0) }, (5 * kept + token + 1) % tables[0].count)
  }
}

func results<Model: StepModel>(of model: Model, on one: Object) throws -> [Object] {
  let facts = one["facts"] as! Object
  let client = try TextModel(model, json: JSONSerialization.data(withJSONObject: facts))
  let decoding = facts["decoding"] as! Object
  let alpha = (decoding["length_penalty"] as! NSNumber).doubleValue
  return try zip(one["texts"] as! [String], one["rows"] as! [[Int]]).map { text, row in
    let encoded = client.encode(text)
    let found = try search(model, encoded, beam: decoding["beam"] as! Int, alpha: alpha)
    return [
      "encoded": encoded,
      "decoded": client.decode(row),
      "found": found.map { [$0.tokens, $0.score] },
      "answers": try client.answers(text).map { [$0.text, $0.score] },
    ]
  }
}

@main
struct Check {
  static func main() throws {
    let files = CommandLine.arguments.dropFirst().map { URL(fileURLWithPath: $0) }
    let cases = try JSONSerialization.jsonObject(with: Data(contentsOf: files[0]))
    let found = try (cases as! [Object]).flatMap { one in
      if let path = one["file"] as? String {
        return try results(of: StepFile(path: path), on: one)
      }
      let length = one["source_length"] as! Int
      let tables = Tables(one["tables"] as! [[[NSNumber]]], sourceLength: length)
      return try results(of: tables, on: one)
    }
    try JSONSerialization.data(withJSONObject: found).write(to: files[1])
  }
}
