// Answers the cases of test_image_device.py with the client in Swift. Compile it with
//
//     for module in TensorFlowLite CoreGraphics; do
//         swiftc -emit-module -emit-library -static -module-name $module \
//             $module.swift -o lib$module.a
//     done
//     swiftc -I . -L . -lTensorFlowLite -lCoreGraphics \
//         ImageClassifier.swift Check.swift -o check
//
// and hand it to `run_client`.

import CoreGraphics
import Foundation

@main
struct Check {
  static func main() throws {
    let files = CommandLine.arguments.dropFirst().map { URL(fileURLWithPath: $0) }
    let cases = try JSONSerialization.jsonObject(with: Data(contentsOf: files[0]))
    let results = try (cases as! [[String: Any]]).map { one -> [String: Any] in
      let rgba = Data(base64Encoded: one["rgba"] as! String)!
      let image = CGImage(
        width: one["width"] as! Int, height: one["height"] as! Int, rgba: [UInt8](rgba))
      let json = try JSONSerialization.data(withJSONObject: one["facts"]!)
      let tensors = one["file"] as! [String: Any]
      let path = tensors["file"] as! String
      try JSONSerialization.data(withJSONObject: tensors).write(to: URL(fileURLWithPath: path))
      let classifier = try ImageClassifier(ImageFile(path: path), json: json)
      let answers = try classifier.answers(pixels(of: image))
      // As an app would that has decoded an image itself, with its alpha.
      let own = Pixels(width: image.width, height: image.height, rgba: [UInt8](rgba))
      return [
        "pixels": try prepare(own, ImageFacts(json: json)).map { Int($0) },
        "answers": answers.map { [$0.label, Double($0.probability)] as [Any] },
      ]
    }
    try JSONSerialization.data(withJSONObject: results).write(to: files[1])
  }
}
