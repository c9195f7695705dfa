// Answers the cases of test_table_device.py with the client in Swift. Compile it with
//
//     swiftc -emit-module -emit-library -static -module-name TensorFlowLite \
//         ../stand_in/TensorFlowLite.swift -o libTensorFlowLite.a
//     swiftc -I . -L . -lTensorFlowLite TableModel.swift Check.swift -o check
//
// and hand it to `run_client`.

import Foundation

extension TableValue: Decodable {
  init(from decoder: Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .missing
    } else if let boolean = try? value.decode(Bool.self) {
      self = .boolean(boolean)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else {
      self = .text(try value.decode(String.self))
    }
  }
}

struct Case: Decodable {
  struct Facts: Decodable {
    let encoding: TableEncoding
  }
  let facts: Facts
  let file: String?
  let rows: [[String: TableValue]]?
  let z: [[Float]]?
}

func results(of one: Case, facts: Any) throws -> [Any] {
  let encoding = one.facts.encoding
  if let file = one.file {
    let json = try JSONSerialization.data(withJSONObject: facts)
    let model = try TableModel(path: file, json: json)
    return try one.rows!.map {
      let answer = try model.predict($0)
      return [answer.value, answer.lower ?? NSNull(), answer.upper ?? NSNull()] as [Any]
    }
  }
  if let rows = one.rows {
    return rows.map { row -> [String: Any] in
      do {
        let (numbers, categories) = try encoding.encode(row)
        return ["numbers": numbers.map(Double.init), "categories": categories.map(Int.init)]
      } catch {
        return ["error": "\(error)"]
      }
    }
  }
  return one.z!.map { encoding.decode($0) }
}

@main
struct Check {
  static func main() throws {
    let files = CommandLine.arguments.dropFirst().map { URL(fileURLWithPath: $0) }
    let text = try Data(contentsOf: files[0])
    let cases = try JSONDecoder().decode([Case].self, from: text)
    let raw = try JSONSerialization.jsonObject(with: text) as! [[String: Any]]
    let found = try zip(cases, raw).map { try results(of: $0, facts: $1["facts"]!) }
    try JSONSerialization.data(withJSONObject: found).write(to: files[1])
  }
}
