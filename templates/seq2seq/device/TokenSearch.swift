// Answers of an exported sequence-to-sequence model on iOS: text in, text out.
//
//     let file = try StepFile(path: Bundle.main.path(forResource: "model", ofType: "tflite")!)
//     let facts = Bundle.main.url(forResource: "model", withExtension: "json")!
//     let model = try TextModel(file, json: Data(contentsOf: facts))
//     let best = try model.answers("keras")[0]
//     print(best.text, best.score)
//
// `StepFile` needs the module TensorFlowLite; the rest needs Foundation alone.

import Foundation
import TensorFlowLite

private let (pad, start, end, unknown) = (0, 1, 2, 3)
private let never = -1e9  // stands for the logarithm of 0
private let unknownText = "\u{fffd}"  // what an unknown token of an answer is shown as
private let space: Unicode.Scalar = "▁"  // stands for a space in sub-words
private let firstByte = 4  // the id of the byte 0, if sub-words are also spelt in bytes
// What words are made of: letters, numbers and marks of all scripts, and what joins them.
private let letter = #"[\p{L}\p{N}\p{M}_\u200C\u200D]"#
private let word = "\(letter)+(?:['’-]\(letter)+)*|[^ ]"
private let noSpaceBefore = #" ([.,!?;:%)\]\}…»”؟،؛。、，！？；：）」』】》])"#
private let noSpaceAfter = #"([(\[\{«“（「『【《]) "#

/// A model that takes one step at a time; `Kept` is handed from step to step.
protocol StepModel {
  associatedtype Kept
  var sourceLength: Int { get }  // tokens of a source at most, END included
  var maxLength: Int { get }  // tokens of an answer, END included; known after `begin`

  /// Reads a source, which ends with END; returns what every step needs.
  func begin(_ source: [Int]) throws -> Kept

  /// Returns the logits of every next token, and what to keep.
  func step(_ token: Int, _ position: Int, _ kept: Kept) throws -> ([Float], Kept)
}

/// A `.tflite` file with the signatures `encode` and `decode_step`. Not thread-safe.
final class StepFile: StepModel {
  let sourceLength: Int
  private(set) var maxLength = 0
  private let encode, decodeStep: SignatureRunner

  init(path: String, threads: Int = 1) throws {
    var options = Interpreter.Options()
    options.threadCount = threads
    let interpreter = try Interpreter(modelPath: path, options: options)
    encode = try interpreter.signatureRunner(with: "encode")
    decodeStep = try interpreter.signatureRunner(with: "decode_step")
    sourceLength = try encode.input(named: "source").shape.dimensions[1]
  }

  func begin(_ source: [Int]) throws -> [String: Data] {
    let padding = Array(repeating: pad, count: sourceLength - source.count)
    var outputs = try run(encode, ["source": bytes(source + padding)])
    let length: [Int32] = numbers(outputs.removeValue(forKey: "max_length")!)
    maxLength = Int(length[0])
    return outputs
  }

  func step(
    _ token: Int, _ position: Int, _ kept: [String: Data]
  ) throws -> ([Float], [String: Data]) {
    let given = ["token": bytes([token]), "position": bytes([position])]
    let outputs = try run(decodeStep, kept.merging(given) { $1 })
    let states = outputs.filter { $0.key.hasPrefix("state_") }
    return (numbers(outputs["logits"]!), kept.merging(states) { $1 })
  }

  private func run(_ runner: SignatureRunner, _ inputs: [String: Data]) throws -> [String: Data] {
    try runner.invoke(with: inputs)
    let outputs = try runner.outputs.map { ($0, try runner.output(named: $0).data) }
    return Dictionary(uniqueKeysWithValues: outputs)
  }

  private func bytes(_ numbers: [Int]) -> Data {
    numbers.map { Int32($0) }.withUnsafeBytes { Data($0) }
  }

  private func numbers<Number>(_ data: Data) -> [Number] {
    data.withUnsafeBytes { Array($0.bindMemory(to: Number.self)) }
  }
}

/// An answer's tokens, without END, and what it is worth.
struct Answer {
  let tokens: [Int]
  let score: Double
}

private struct Hypothesis<Kept> {
  let tokens: [Int]
  let total: Double
  let kept: Kept
  var hasEnded: Bool { tokens.last == end }
}

/// Returns the answers that ended; the best first.
///
/// - Parameters:
///   - source: tokens, the last one END, at most `sourceLength` of them.
///   - beam: hypotheses that are followed; 1 is greedy.
///   - alpha: of the length penalty, Wu et al. 2016, arXiv:1609.08144, equation 14.
func search<Model: StepModel>(
  _ model: Model, _ source: [Int], beam: Int = 1, alpha: Double = 0.6
) throws -> [Answer] {
  precondition(beam >= 1, "a beam of \(beam), which must be 1 or more")
  if source == [end] { return [Answer(tokens: [], score: 0)] }  // nothing was asked
  var live = [Hypothesis(tokens: [], total: 0, kept: try model.begin(source))]
  var ended: [Answer] = []
  for position in 0..<model.maxLength {
    var longer: [Hypothesis<Model.Kept>] = []
    for hypothesis in live {
      let last = hypothesis.tokens.last ?? start
      let (logits, kept) = try model.step(last, position, hypothesis.kept)
      let logProbs = logProbabilities(logits)
      // In the last place there is room for END alone.
      let best = position == model.maxLength - 1 ? [end] : largest(logProbs, beam)
      for token in best {
        let total = hypothesis.total + logProbs[token]
        longer.append(Hypothesis(tokens: hypothesis.tokens + [token], total: total, kept: kept))
      }
    }
    // Those that have ended keep their place among the hypotheses.
    live = largest(longer.map(\.total), beam - ended.count).map { longer[$0] }
    for hypothesis in live where hypothesis.hasEnded {
      let score = hypothesis.total / penalty(position + 1, alpha)
      ended.append(Answer(tokens: hypothesis.tokens.dropLast(), score: score))
    }
    live.removeAll(where: \.hasEnded)
    // The most that one that goes on can still be worth.
    let hope = live.map(\.total).max() ?? never
    let best = ended.map(\.score).max() ?? never
    if live.isEmpty || hope / penalty(model.maxLength, alpha) <= best { break }
  }
  return largest(ended.map(\.score), ended.count).map { ended[$0] }
}

/// Returns by what the log-probability of a hypothesis is divided.
private func penalty(_ length: Int, _ alpha: Double) -> Double {
  pow(Double(5 + length) / 6, alpha)
}

private func logProbabilities(_ logits: [Float]) -> [Double] {
  let most = Double(logits.max()!)
  let logSum = log(logits.reduce(0) { $0 + exp(Double($1) - most) })
  var logProbs = logits.map { Double($0) - most - logSum }
  logProbs[pad] = never
  logProbs[start] = never
  return logProbs
}

/// Returns the places of the largest values, the largest first; of equals, the first.
private func largest(_ values: [Double], _ count: Int) -> [Int] {
  let places = values.indices.sorted {
    values[$0] == values[$1] ? $0 < $1 : values[$0] > values[$1]
  }
  return Array(places.prefix(count))
}

/// Texts in, texts out.
final class TextModel<Model: StepModel> {
  private let model: Model
  private let facts: Facts
  private let source, target: Tokeniser

  /// - Parameter json: the content of model.json.
  init(_ model: Model, json: Data) throws {
    let reader = JSONDecoder()
    reader.keyDecodingStrategy = .convertFromSnakeCase
    facts = try reader.decode(Facts.self, from: json)
    self.model = model
    source = tokeniser(facts.sourceTokeniser)
    target = tokeniser(facts.targetTokeniser)
  }

  /// Returns all answers to a text; the best first.
  func answers(
    _ text: String, beam: Int? = nil, alpha: Double? = nil
  ) throws -> [(text: String, score: Double)] {
    let answers = try search(
      model, encode(text),
      beam: beam ?? facts.decoding.beam, alpha: alpha ?? facts.decoding.lengthPenalty)
    return answers.map { (decode($0.tokens), $0.score) }
  }

  /// Returns the tokens of a text, END included; a text that is too long loses its end.
  func encode(_ text: String) -> [Int] {
    source.encode(normalised(text)).prefix(model.sourceLength - 1) + [end]
  }

  /// Returns the text of tokens, up to the first END.
  func decode(_ tokens: [Int]) -> String {
    target.decode(Array(tokens.prefix(while: { $0 != end })))
  }

  // A model knows texts in one form alone.
  private func normalised(_ text: String) -> [Unicode.Scalar] {
    var text = text
    if facts.sourceNormaliser.lower {
      // Some letters have no small form before they are composed.
      text = formed(text).lowercased(with: Locale(identifier: "en_US_POSIX"))
    }
    let words = formed(text).unicodeScalars.split(whereSeparator: isSpace)
    return Array(words.joined(separator: [" "]))
  }

  private func formed(_ text: String) -> String {
    switch facts.sourceNormaliser.form {
    case "NFC": return text.precomposedStringWithCanonicalMapping
    case "NFKC": return text.precomposedStringWithCompatibilityMapping
    default: return text
    }
  }

  // What Python's str.split takes for a space.
  private func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1c...0x1f).contains(scalar.value)
  }
}

// Texts are scalars: characters that look alike are equal in Swift, and a space may be
// one with the accent that follows.
private protocol Tokeniser {
  func encode(_ text: [Unicode.Scalar]) -> [Int]
  func decode(_ ids: [Int]) -> String
}

private func tokeniser(_ facts: Facts.Tokeniser) -> Tokeniser {
  facts.kind == "subwords"
    ? Subwords(facts.tokens) : Listed(kind: facts.kind, tokens: facts.tokens)
}

/// Characters, words, or symbols: tokens that stand in a list.
private struct Listed: Tokeniser {
  let kind: String
  let tokens: [String]
  let ids: [[Unicode.Scalar]: Int]

  init(kind: String, tokens: [String]) {
    self.kind = kind
    self.tokens = tokens
    ids = idsOf(tokens, from: unknown + 1)
  }

  func encode(_ text: [Unicode.Scalar]) -> [Int] {
    let units: [[Unicode.Scalar]]
    switch kind {
    case "characters": units = text.map { [$0] }
    case "words": units = words(of: string(text))
    default: units = text.split(separator: " ").map(Array.init)
    }
    return units.map { ids[$0] ?? unknown }
  }

  func decode(_ ids: [Int]) -> String {
    let units = ids.map { $0 == unknown ? unknownText : tokens[$0] }
    let text = units.joined(separator: kind == "characters" ? "" : " ")
    guard kind == "words" else { return text }
    return [noSpaceBefore, noSpaceAfter].reduce(text) {
      $0.replacingOccurrences(of: $1, with: "$1", options: .regularExpression)
    }
  }

  private func words(of text: String) -> [[Unicode.Scalar]] {
    let text = NSString(string: text)
    return try! NSRegularExpression(pattern: word)
      .matches(in: text as String, range: NSRange(location: 0, length: text.length))
      .map { Array(text.substring(with: $0.range).unicodeScalars) }
  }
}

/// Sub-words of byte-pair encoding, read and written as sentencepiece does.
private struct Subwords: Tokeniser {
  let pieces: [String]
  let bytes: Range<Int>  // their ids
  let ids: [[Unicode.Scalar]: Int]

  init(_ pieces: [String]) {
    self.pieces = pieces
    bytes = firstByte..<firstByte + (pieces[firstByte] == "<0x00>" ? 256 : 0)
    ids = idsOf(pieces, from: bytes.upperBound)
  }

  func encode(_ text: [Unicode.Scalar]) -> [Int] {
    // Before the first word there is a space too, and after the last one there is none.
    var spaced = [space] + text.map { $0 == " " ? space : $0 }
    while spaced.last == space { spaced.removeLast() }
    // No piece reaches into the next word.
    let words = spaced.split(separator: space, omittingEmptySubsequences: false).dropFirst()
    var found: [Int] = []
    for piece in words.flatMap({ merged([space] + $0) }) {
      if let id = ids[piece] {
        found.append(id)
      } else if !bytes.isEmpty {
        found += string(piece).utf8.map { firstByte + Int($0) }
      } else if found.last != unknown {
        found.append(unknown)  // a run of unknown characters is one
      }
    }
    return found
  }

  func decode(_ ids: [Int]) -> String {
    var spelt: [UInt8] = []
    for id in ids {
      if bytes.contains(id) {
        spelt.append(UInt8(id - firstByte))
        continue
      }
      let piece = id == unknown ? unknownText : pieces[id]
      var scalars = piece.unicodeScalars.map { $0 == space ? " " : $0 }
      if spelt.isEmpty && scalars.first == " " { scalars.removeFirst() }
      spelt += string(scalars).utf8
    }
    return text(of: spelt)
  }

  // Joins neighbours as long as the whole is known: the lowest id first.
  private func merged(_ word: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
    var parts = word.map { [$0] }
    func idOfPair(_ place: Int) -> Int { ids[parts[place] + parts[place + 1]] ?? Int.max }
    var pairs = parts.indices.dropLast().map(idOfPair)
    while let lowest = pairs.min(), lowest < Int.max {
      let place = pairs.firstIndex(of: lowest)!
      parts[place] += parts.remove(at: place + 1)
      pairs.remove(at: place)
      // What is new: pairs with this part.
      for i in [place - 1, place] where pairs.indices.contains(i) { pairs[i] = idOfPair(i) }
    }
    return parts
  }
}

// A text may hold "<end>"; it means nothing special there.
private func idsOf(_ tokens: [String], from first: Int) -> [[Unicode.Scalar]: Int] {
  let real = tokens.enumerated().dropFirst(first)
  return Dictionary(
    uniqueKeysWithValues: real.map { (Array($0.element.unicodeScalars), $0.offset) })
}

private func string(_ scalars: [Unicode.Scalar]) -> String {
  String(String.UnicodeScalarView(scalars))
}

// Each byte that is of no character is shown; String(decoding:as:) shows one for several.
private func text(of bytes: [UInt8]) -> String {
  var parser = Unicode.UTF8.ForwardParser()
  var rest = bytes.makeIterator()
  var text = String.UnicodeScalarView()
  while true {
    switch parser.parseScalar(from: &rest) {
    case .valid(let encoded): text.append(Unicode.UTF8.decode(encoded))
    case .error(let length): text += repeatElement("\u{fffd}", count: length)
    case .emptyInput: return String(text)
    }
  }
}

// Of model.json, what a client needs.
private struct Facts: Decodable {
  struct Tokeniser: Decodable {
    let kind: String
    let tokens: [String]
  }
  struct Normaliser: Decodable {
    let form: String
    let lower: Bool
  }
  struct Decoding: Decodable {
    let beam: Int
    let lengthPenalty: Double
  }
  let sourceTokeniser, targetTokeniser: Tokeniser
  let sourceNormaliser: Normaliser
  let decoding: Decoding
}
